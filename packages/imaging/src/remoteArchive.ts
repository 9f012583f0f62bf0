/**
 * What can be asked of an archive across a network, which states no sizes and has to be spared: `spooledStore` makes an
 * ImageStore of it.
 */
import type { Instance, StudySummary } from './imageStore.js';

export type RemoteInstance = Omit<Instance, 'size' | 'digests'>;

export interface RemoteArchive {
  /** As ImageStore's. */
  studies(): Promise<StudySummary[]>;
  findByUid(studyInstanceUID: string): Promise<StudySummary | null>;
  findByAccession(accessionNumber: string): Promise<StudySummary[]>;
  /** Sorted by sopInstanceUID, asked afresh. Throws IMAGING_STUDY_UNKNOWN, IMAGING_DUPLICATE_INSTANCE, IMAGING_ARCHIVE. */
  instances(studyInstanceUID: string): Promise<RemoteInstance[]>;
  /** The Part 10 file as the archive serves it. Throws IMAGING_CHANGED (no such instance any more), IMAGING_ARCHIVE. */
  read(studyInstanceUID: string, instance: RemoteInstance): AsyncIterable<Uint8Array>;
}
