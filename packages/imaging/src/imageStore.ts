/**
 * What Radpass asks of whatever holds the images: a folder, a DICOMweb archive, a PACS.
 * An implementation runs the suite of "@radpass/imaging/compliance".
 */
import { ImagingError } from './errors.js';
import type { InstanceHeader } from './header.js';

/** What a document states of its bytes: SHA-256 in hex, and the CRC-32 of zip. */
export interface Digests {
  sha256: string;
  crc32: number;
}

/**
 * One stored Part 10 file. `size` in bytes; `version` is another text whenever the bytes may be others. `digests` where
 * the store has made them already: then nobody hashes the bytes again.
 */
export interface Instance {
  sopInstanceUID: string;
  seriesInstanceUID: string;
  size: number;
  version: string;
  digests?: Digests;
}

/**
 * For the desk's list. Texts are the header's, '' when absent; `modality` lists the distinct ones, joined by "/";
 * `date` is the StudyDate, YYYYMMDD; `bytes` the sum of the files' sizes, null where the archive doesn't tell them. `stable`: not still
 * arriving, as far as the store knows.
 */
export interface StudySummary {
  studyInstanceUID: string;
  accessionNumber: string;
  description: string;
  modality: string;
  date: string;
  instances: number;
  bytes: number | null;
  stable: boolean;
}

export interface ImageStore {
  /** Every stable study, sorted by studyInstanceUID. */
  studies(): Promise<StudySummary[]>;
  /** The study with this UID, stable or not, or null. */
  findByUid(studyInstanceUID: string): Promise<StudySummary | null>;
  /** Those of `studies()` in which an instance carries this accession number; none for ''. */
  findByAccession(accessionNumber: string): Promise<StudySummary[]>;
  /** Sorted by sopInstanceUID. Throws IMAGING_STUDY_UNKNOWN, IMAGING_DUPLICATE_INSTANCE. */
  instances(studyInstanceUID: string): Promise<Instance[]>;
  /** Read afresh. Throws IMAGING_STUDY_UNKNOWN, IMAGING_CHANGED (no such instance any more) and what readInstanceHeader throws. */
  header(studyInstanceUID: string, sopInstanceUID: string): Promise<InstanceHeader>;
  /**
   * The file's bytes as stored, `instance.size` of them, in chunks of at most 256 KiB that the caller may keep; with
   * `room`, a store that can puts each chunk at the start of the memory that it gives, as many bytes as it holds. A store
   * may open the file when it is called: iterate it, or end its iterator.
   * Throws IMAGING_CHANGED when the version is known to be no longer `instance.version`: before the first chunk and
   * before the last. A store that keeps copies may give the copy until `instances` is asked again.
   */
  read(studyInstanceUID: string, instance: Instance, room?: () => Uint8Array): AsyncIterable<Uint8Array>;
  /** Every later call throws IMAGING_CLOSED. */
  close(): Promise<void>;
}

/** The store's only study. Throws IMAGING_NO_STUDY, IMAGING_TWO_STUDIES {studies: how many}. */
export async function checkOneStudy(store: ImageStore): Promise<StudySummary> {
  const found = await store.studies();
  const [only] = found;
  if (only === undefined) throw new ImagingError({ code: 'IMAGING_NO_STUDY' }, 'no DICOM study here');
  if (found.length > 1) {
    const detail = { code: 'IMAGING_TWO_STUDIES', studies: found.length } as const;
    throw new ImagingError(detail, `one study expected, ${found.length} found: give each its own folder`);
  }
  return only;
}
