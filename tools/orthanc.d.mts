/** A running Orthanc: `api` its own REST interface, `dicomweb` the root of QIDO-RS and WADO-RS. */
export interface Orthanc {
  api: string;
  dicomweb: string;
  /** Adds an instance or replaces the one with its UID, byte by byte. */
  put(bytes: Uint8Array): Promise<void>;
  remove(sopInstanceUID: string): Promise<void>;
  clear(): Promise<void>;
  stop(): Promise<void>;
}
export function startOrthanc(): Promise<Orthanc>;
/** Where Debian's packages put the program and its DICOMweb plugin. */
export const orthancProgram: string;
export const orthancPlugin: string;
