/** DICOM studies as documents: stores, packaging, unpacking and a phantom. */
export { type ArchiveFetch, type DicomwebArchiveOptions, dicomwebArchive } from './dicomwebArchive.js';
export { ImagingError, type ImagingErrorDetail } from './errors.js';
export type { SkippedFile } from './folderScan.js';
export { type FolderStoreOptions, folderStore } from './folderStore.js';
export { type InstanceHeader, readInstanceHeader } from './header.js';
export { checkOneStudy, type Digests, type ImageStore, type Instance, type StudySummary } from './imageStore.js';
export type { Manifest, ManifestInstance } from './manifest.js';
export { writePhantomStudy } from './phantom.js';
export type { RemoteArchive, RemoteInstance } from './remoteArchive.js';
export { Spool } from './spool.js';
export { type SpooledStoreOptions, spooledStore } from './spooledStore.js';
export { type UnpackedStudy, unpackStudy } from './unpack.js';
export { type DocumentSeal, mimeType, packageStudy, type StudyDocument } from './zipStudy.js';
