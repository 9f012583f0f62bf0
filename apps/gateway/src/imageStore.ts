/** The hospital's images, by the configuration: a folder, or a DICOMweb archive with its spool. */
import { join } from 'node:path';
import { nodeFetch } from '@radpass/client/node';
import {
  dicomwebArchive,
  folderStore,
  type ImageStore,
  type RemoteArchive,
  Spool,
  spooledStore,
} from '@radpass/imaging';
import { type GatewayConfig, spoolDefaults } from './config.js';
import { readText } from './files.js';
import type { Log } from './runtime.js';

type Images = GatewayConfig['images'];

/** Longest silence of the archive, in ms: one that fetches from tape takes its time. */
const archiveTimeoutMs = 60_000;

function openArchive(images: Extract<Images, { kind: 'dicomweb' }>): RemoteArchive {
  const { url, headers, ca, stableMs } = images;
  return dicomwebArchive({
    url,
    fetch: nodeFetch({ timeoutMs: archiveTimeoutMs, ...(ca === undefined ? {} : { ca: readText(ca) }) }),
    ...(headers === undefined ? {} : { headers }),
    ...(stableMs === undefined ? {} : { stableMs }),
  });
}

/** A file that is left out is named by its code alone: its path may name a patient. */
const openFolder = ({ path, stableMs }: Extract<Images, { kind: 'folder' }>, log: Log): Promise<ImageStore> =>
  folderStore({
    path,
    onSkipped: ({ code }) => log('file-left-out', { reason: code }),
    ...(stableMs === undefined ? {} : { stableMs }),
  });

export async function openImageStore({ images, spool, dataDir }: GatewayConfig, log: Log): Promise<ImageStore> {
  if (images.kind === 'folder') return openFolder(images, log);
  const {
    path = join(dataDir, 'spool'),
    maxBytes = spoolDefaults.maxBytes,
    ttlHours = spoolDefaults.ttlHours,
  } = spool ?? {};
  return spooledStore({
    archive: openArchive(images),
    spool: await Spool.open({ path, maxBytes }),
    ttlMs: ttlHours * 3_600_000,
  });
}

/** How many studies can be listed now, and how many files of a folder are no usable instance. Touches no spool: a running gateway may be using it. */
export async function countStudies({ images }: GatewayConfig): Promise<{ studies: number; filesLeftOut: number }> {
  if (images.kind === 'dicomweb') return { studies: (await openArchive(images).studies()).length, filesLeftOut: 0 };
  let filesLeftOut = 0;
  const store = await openFolder(images, () => {
    filesLeftOut += 1;
  });
  try {
    return { studies: (await store.studies()).length, filesLeftOut };
  } finally {
    await store.close();
  }
}
