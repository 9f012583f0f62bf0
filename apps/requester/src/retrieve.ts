/**
 * Block D of Figure 3 from the requester's side: the endpoint comes from the ledger's directory, the signed ITI-43
 * request goes straight to the source, and what comes back is checked before it is anywhere but in a temporary file:
 * signature, digest, manifest, and that it is the study of the grant.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Inbox, InboxGrant } from '@radpass/client';
import { codeOf, toHex } from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import { mimeType, type UnpackedStudy, unpackStudy } from '@radpass/imaging';
import { type ConnectSettings, retrieveStudy } from '@radpass/xds/node';
import type { RequesterAudit } from './audit.js';
import { RequesterError } from './errors.js';
import { type StowTarget, stowStudy } from './stow.js';

export interface RetrieveInit {
  inbox: Inbox;
  out: string;
  connect: ConnectSettings;
  onProgress: (bytes: number, total?: number) => void;
  /** The hospital makes the study ready, and is asked again. */
  onBusy: () => void;
  audit?: RequesterAudit | undefined;
  /** Deliver into this archive, too. */
  stow?: StowTarget | undefined;
}

export interface Retrieved {
  grant: number;
  out: string;
  documentSha256: string;
  bytes: number;
  studyInstanceUID: string;
  /** What the patient's key is called here, if that was assigned. */
  recordNumber: string | null;
  files: UnpackedStudy['files'];
}

/**
 * Retrieve one grant's study, and tell the audit how it went once the source was asked.
 * @throws RequesterError; XdsError when the source refuses or its answer doesn't hold; ImagingError for a wrong document
 */
export async function retrieveGrant(grant: InboxGrant, p: RetrieveInit): Promise<Retrieved> {
  const place = placeOf(grant, p.out);
  try {
    const retrieved = await fetchStudy(grant, place, p);
    await p.audit?.imported(grant, null);
    return retrieved;
  } catch (error) {
    await p.audit?.imported(grant, codeOf(error));
    throw error;
  }
}

interface Place {
  source: NonNullable<InboxGrant['source']>;
  outDir: string;
}

/** Whom to ask and where the study goes. @throws RequesterError, and then nobody is asked */
function placeOf(grant: InboxGrant, out: string): Place {
  const { source } = grant;
  if (grant.state !== 'allowed') {
    const detail = { code: 'REQUESTER_NOT_ALLOWED' as const, grant: grant.grant, state: grant.state };
    throw new RequesterError(detail, `grant ${grant.grant} is ${grant.state}`);
  }
  if (!source) {
    throw new RequesterError(
      { code: 'REQUESTER_SOURCE_CLOSED', grant: grant.grant },
      'the hospital has no endpoint at the moment',
    );
  }
  const outDir = join(out, toHex(grant.studyHash).slice(0, 16));
  if (existsSync(outDir)) {
    throw new RequesterError(
      { code: 'REQUESTER_OUT_EXISTS', path: outDir },
      `${outDir} is there already and is not overwritten`,
    );
  }
  return { source, outDir };
}

async function fetchStudy(grant: InboxGrant, { source, outDir }: Place, p: RetrieveInit): Promise<Retrieved> {
  mkdirSync(dirname(outDir), { recursive: true, mode: 0o700 });
  const zipPath = `${outDir}.zip`;
  const { connect, onProgress, onBusy } = p;
  const received = await retrieveStudy({
    key: p.inbox.keyOf(grant),
    url: source.url,
    source: { key: source.standingKey, sourceKey: source.sourceKey, tlsPins: source.tlsPins },
    studyHash: grant.studyHash,
    mimeType,
    outFile: zipPath,
    verifier: nodeVerifier,
    now: () => Date.now(),
    connect,
    onProgress,
    onBusy,
  });
  const expect = { sourceKey: grant.sourceKey, studyHash: grant.studyHash };
  // A document that didn't pass is nobody's study: it stays nowhere.
  const unpacked = await unpackStudy({ zipPath, outDir, expect }).finally(() => rm(zipPath));
  if (p.stow) await deliver(p.stow, unpacked, outDir, p.onProgress);
  await p.inbox.markRetrieved(grant, received.sha256);
  return {
    grant: grant.grant,
    out: outDir,
    documentSha256: toHex(received.sha256),
    bytes: received.bytes,
    studyInstanceUID: unpacked.studyInstanceUID,
    recordNumber: grant.recordNumber,
    files: unpacked.files,
  };
}

/** The study is in the archive and the folder, or the command has failed and the folder is gone again: retrieve once more. */
async function deliver(
  target: StowTarget,
  study: UnpackedStudy,
  outDir: string,
  onProgress: RetrieveInit['onProgress'],
): Promise<void> {
  try {
    await stowStudy(target, study, onProgress);
  } catch (error) {
    await rm(outDir, { recursive: true, force: true });
    throw error;
  }
}
