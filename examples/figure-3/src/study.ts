/** The study that travels: a phantom that we make, or a folder that the user names; and the digests of its files. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { checkOneStudy, folderStore, type StudySummary, writePhantomStudy } from '@radpass/imaging';
import { unexpected } from './failure.js';

export interface StudyFolder {
  /** What H's gateway serves from. */
  path: string;
  summary: StudySummary;
  isPhantom: boolean;
}

/** A file of the study as it lies at the hospital and as the doctor received it. */
export interface ComparedFile {
  sopInstanceUID: string;
  sha256AtSource: string;
  sha256AtRequester: string;
}

/**
 * The study to share. `given` is only read, never written.
 * @throws ImagingError IMAGING_NO_STUDY, IMAGING_TWO_STUDIES, or what is wrong with the folder
 */
export async function openStudy(given: string | undefined, phantomDir: string): Promise<StudyFolder> {
  if (given === undefined) await writePhantomStudy(phantomDir);
  const path = given ?? phantomDir;
  const store = await folderStore({ path });
  try {
    return { path, summary: await checkOneStudy(store), isPhantom: given === undefined };
  } finally {
    await store.close();
  }
}

/** Hash every file at both ends. @throws DemoFailure when a file is missing, left over or different */
export async function compareFiles(study: StudyFolder, received: unknown): Promise<ComparedFile[]> {
  const atRequester = await receivedDigests(received);
  const compared: ComparedFile[] = [];
  const store = await folderStore({ path: study.path });
  try {
    const { studyInstanceUID } = study.summary;
    for (const instance of await store.instances(studyInstanceUID)) {
      const hash = createHash('sha256');
      for await (const chunk of store.read(studyInstanceUID, instance)) hash.update(chunk);
      const sha256AtSource = hash.digest('hex');
      const { sopInstanceUID } = instance;
      const sha256AtRequester = atRequester.get(sopInstanceUID) ?? 'no such file';
      if (sha256AtRequester !== sha256AtSource) {
        throw unexpected('comparing the files', `SHA-256 ${sha256AtSource} of an instance`, sha256AtRequester);
      }
      compared.push({ sopInstanceUID, sha256AtSource, sha256AtRequester });
    }
  } finally {
    await store.close();
  }
  if (compared.length !== atRequester.size) {
    throw unexpected('comparing the files', `${compared.length} instances`, `${atRequester.size}`);
  }
  return compared;
}

/** SHA-256 of what lies in the doctor's folder now, not of what a program says about it. */
async function receivedDigests(received: unknown): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  for (const { sopInstanceUID, path } of received as { sopInstanceUID: string; path: string }[]) {
    digests.set(
      sopInstanceUID,
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    );
  }
  return digests;
}
