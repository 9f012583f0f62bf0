/**
 * What can go wrong with an ITI-43 exchange: one code per kind, with its own evidence.
 * Codes are stable inside a major version. `toFault` is the one place where a code becomes a SOAP fault;
 * the words of a fault are fixed per kind, so that nothing of the message or of the decision leaks outward.
 */
import { CodedError } from '@radpass/core';

export type XdsErrorDetail =
  // --- reading bytes
  | { code: 'XDS_TOO_LARGE'; what: string; maxBytes: number } // a message, a part or a document exceeds its cap
  | { code: 'XDS_CONTENT_TYPE'; reason: string } // the Content-Type is not one of ITI-43's
  | { code: 'XDS_MIME'; reason: string } // the multipart package is malformed, cut off or has something left over
  | { code: 'XDS_XML'; reason: string; at: number } // not well-formed, or outside the strict profile; at = UTF-16 offset
  | { code: 'XDS_XML_LIMIT'; limit: 'depth' | 'elements' | 'attributes'; max: number } // more structure than allowed
  // --- SOAP and WS-Addressing
  | { code: 'XDS_SOAP'; reason: string } // the envelope is not as SOAP 1.2 part 1 section 5 has it
  | { code: 'XDS_SOAP_VERSION' } // the root is no SOAP 1.2 envelope
  | { code: 'XDS_MUST_UNDERSTAND'; header: string } // a mandatory header block is not understood
  | {
      code: 'XDS_ADDRESSING';
      header: string;
      reason: 'missing' | 'repeated' | 'malformed' | 'not anonymous' | 'unknown';
    } // a wsa header is not as WS-Addressing 1.0 or this profile has it
  | { code: 'XDS_ACTION'; reason: string } // wsa:Action is another transaction's, or differs from the Content-Type's
  // --- WS-Security and XML Signature
  | { code: 'XDS_SECURITY'; reason: string } // wsse:Security is missing, repeated or holds something else
  | { code: 'XDS_TIMESTAMP'; reason: string } // wsu:Timestamp is malformed, or outside its time
  | { code: 'XDS_SIGNATURE_FORM'; reason: string } // ds:Signature is not of this profile's one form
  | { code: 'XDS_ALGORITHM'; where: string } // an algorithm other than the one allowed there
  | { code: 'XDS_REFERENCE'; reason: string } // the references are not exactly the parts that must be signed
  | { code: 'XDS_REFERENCE_DIGEST'; part: string } // a signed part was changed
  | { code: 'XDS_SIGNATURE' } // the signature does not verify under the key it names
  // --- bodies
  | { code: 'XDS_BODY'; reason: string } // the body is not as the ITI-43 schema has it
  | { code: 'XDS_IDENTIFIER'; what: 'repositoryUniqueId' | 'documentUniqueId' } // not 64 lowercase hex characters
  // --- answers, as the requester sees them
  | { code: 'XDS_FAULT'; faultCode: string; subcode: string; reason: string } // the other side answered with a SOAP fault
  | { code: 'XDS_RESPONSE'; reason: string } // signed, but not the answer to this request by the expected source
  | { code: 'XDS_DIGEST'; documentUniqueId: string } // a document's bytes are not those that were signed
  // --- answers, as the source writes them
  | { code: 'XDS_DOCUMENT_SIZE'; documentUniqueId: string; expected: number; got: number } // a document's stream is longer or shorter than announced
  // --- connections
  | { code: 'XDS_DESTINATION'; reason: 'url' | 'port' | 'unresolved' | 'not-public' | 'proxy' } // a URL that must not be connected to; nothing was sent
  | { code: 'XDS_PROXY'; status: number } // the forward proxy refused, or status 0: it did not answer
  | { code: 'XDS_TLS_PIN' } // the server's TLS key is none of those that the source published
  | { code: 'XDS_CONNECTION'; phase: 'request' | 'answer' } // the network or TLS failed, or the other side left, before the answer began or within it; cause attached
  | { code: 'XDS_HTTP'; status: number } // neither an answer nor a fault: a redirect, a proxy's page
  | { code: 'XDS_REFUSED'; errorCode: string } // the source refused, in a signed answer
  // --- audit
  | { code: 'XDS_AUDIT_DELIVERY'; reason: 'refused' | 'silent' } // the audit collector did not take the records; they stay and are sent again
  // --- stores
  | { code: 'XDS_STORE'; store: 'replays' | 'disclosures' } // a store's folder can't be opened; cause attached
  | { code: 'XDS_DISCLOSURE_STORE' } // a disclosure record could not be made durable; nothing may be served
  | { code: 'XDS_DISCLOSURE_ENTRY'; seq: number; reason: 'seq' | 'chain' | 'signature' }; // an entry of the disclosure log is not what was written

export class XdsError extends CodedError<XdsErrorDetail> {}

/** The SOAP faults that this package makes; see `createFault` for code, subcode and HTTP status. */
export type FaultKind =
  | 'sender'
  | 'media-type'
  | 'receiver'
  | 'version-mismatch'
  | 'must-understand'
  | 'security-invalid'
  | 'security-algorithm'
  | 'security-failed-check'
  | 'security-expired'
  | 'addressing'
  | 'addressing-required'
  | 'action-not-supported';

/** What is wrong with an addressing header: subcodes of InvalidAddressingHeader (WS-Addressing, SOAP binding 6.4.1). */
export type AddressingFault = 'InvalidAddress' | 'InvalidCardinality' | 'OnlyAnonymousAddressSupported';

/** Which fault answers a request that was refused with `error`; whatever is not the sender's fault is `receiver`. */
export function toFault(error: unknown): { kind: FaultKind; text: string; problem?: AddressingFault } {
  const kind = error instanceof XdsError ? faultKind(error.detail) : 'receiver';
  const problem = error instanceof XdsError ? addressingFault(error.detail) : undefined;
  return { kind, text: faultTexts[kind], ...(problem && { problem }) };
}

function addressingFault(detail: XdsErrorDetail): AddressingFault | undefined {
  if (detail.code !== 'XDS_ADDRESSING') return undefined;
  if (detail.reason === 'repeated') return 'InvalidCardinality';
  if (detail.reason === 'not anonymous') return 'OnlyAnonymousAddressSupported';
  return detail.reason === 'malformed' && detail.header === 'To' ? 'InvalidAddress' : undefined;
}

function faultKind(detail: XdsErrorDetail): FaultKind {
  switch (detail.code) {
    case 'XDS_CONTENT_TYPE':
      return 'media-type';
    case 'XDS_TOO_LARGE':
    case 'XDS_MIME':
    case 'XDS_XML':
    case 'XDS_XML_LIMIT':
    case 'XDS_SOAP':
    case 'XDS_BODY':
    case 'XDS_IDENTIFIER':
      return 'sender';
    case 'XDS_SOAP_VERSION':
      return 'version-mismatch';
    case 'XDS_MUST_UNDERSTAND':
      return 'must-understand';
    case 'XDS_ADDRESSING':
      return detail.reason === 'missing' ? 'addressing-required' : 'addressing';
    case 'XDS_ACTION':
      return 'action-not-supported';
    case 'XDS_SECURITY':
    case 'XDS_SIGNATURE_FORM':
      return 'security-invalid';
    case 'XDS_ALGORITHM':
      return 'security-algorithm';
    case 'XDS_REFERENCE':
    case 'XDS_REFERENCE_DIGEST':
    case 'XDS_SIGNATURE':
      return 'security-failed-check';
    case 'XDS_TIMESTAMP':
      return 'security-expired';
    default:
      return 'receiver';
  }
}

const faultTexts: Record<FaultKind, string> = {
  'media-type': 'The media type is neither MTOM nor SOAP 1.2.',
  sender: 'The message is not one that this service can read.',
  receiver: 'The service could not answer. Try again later.',
  'version-mismatch': 'The message is no SOAP 1.2 envelope.',
  'must-understand': 'A mandatory header is not understood.',
  'security-invalid': 'The security header is missing or not of the supported form.',
  'security-algorithm': 'An algorithm of the signature is not supported.',
  'security-failed-check': 'The signature does not verify.',
  'security-expired': 'The message is outside its time.',
  addressing: 'An addressing header is not valid for this service.',
  'addressing-required': 'A required addressing header is missing.',
  'action-not-supported': 'The action is not supported by this service.',
};
