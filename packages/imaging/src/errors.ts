/** The codes of this package. Messages carry no values from headers: those are personal data. */
import { CodedError } from '@radpass/core';

export type ImagingErrorDetail =
  | { code: 'IMAGING_NOT_DICOM' } // the file has no "DICM" after its preamble, or is not a composite instance
  | { code: 'IMAGING_TRUNCATED'; size: number; needed: number } // an element ends behind the end of the file
  | { code: 'IMAGING_HEADER_TOO_LARGE'; limit: number } // the header needs more bytes than we are willing to read
  | { code: 'IMAGING_DAMAGED'; reason: string; offset: number } // the header breaks DICOM's own encoding rules
  | { code: 'IMAGING_PREAMBLE'; kind: string } // the preamble starts like a program (CVE-2019-11687)
  | { code: 'IMAGING_UID'; field: string } // a header's UID is absent or breaks the grammar
  | { code: 'IMAGING_NO_STUDY' } // one study was expected and the store holds none
  | { code: 'IMAGING_TWO_STUDIES'; studies: number } // one study was expected and there are more
  | { code: 'IMAGING_STUDY_UNKNOWN' } // the store holds no instance of that study
  | { code: 'IMAGING_DUPLICATE_INSTANCE'; sopInstanceUID: string } // two different files claim to be the same instance
  | { code: 'IMAGING_TOO_MANY_INSTANCES'; instances: number; limit: number } // more instances than a document may hold
  | { code: 'IMAGING_CHANGED'; sopInstanceUID: string } // an instance is no longer what was listed: list and digest again
  | { code: 'IMAGING_FOLDER'; reason: string } // the store's path cannot be read, or is no folder
  | { code: 'IMAGING_ARCHIVE'; reason: string; status?: number } // the archive is away, or answers otherwise than DICOMweb says
  | { code: 'IMAGING_SPOOL'; reason: 'full' | 'unusable' | 'damaged' } // no room for a copy of the study, or its folder fails
  | { code: 'IMAGING_CLOSED' } // the store was closed
  | { code: 'IMAGING_ZIP'; reason: string } // the archive breaks the format's rules or our bounds
  | { code: 'IMAGING_MANIFEST'; reason: string } // the manifest is absent, malformed, or at odds with the archive
  | { code: 'IMAGING_HASH'; subject: 'sourceKey' | 'studyHash' | 'instance'; sopInstanceUID?: string } // not what the ledger or the manifest committed to
  | { code: 'IMAGING_OUT_DIR'; reason: string } // the folder to unpack into exists already, or cannot be made
  | { code: 'IMAGING_JAIL'; reason: 'time' | 'memory' | 'stopped' }; // unpacking outran its bounds and was ended

/** Failure of reading, packaging or unpacking a study. */
export class ImagingError extends CodedError<ImagingErrorDetail> {}
