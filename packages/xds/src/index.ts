// Names in IHE's terms

// Errors and faults
export { type FaultKind, toFault, XdsError, type XdsErrorDetail } from './errors.js';
export { createFault } from './fault.js';
export {
  documentUniqueId,
  parseDocumentUniqueId,
  parseRepositoryUniqueId,
  repositoryUniqueId,
} from './identifiers.js';
export {
  type IncrementalHash,
  type ReceivedDocument,
  readRetrieveResponse,
  type VerifiedResponse,
} from './readRetrieveResponse.js';
export {
  type DocumentRequest,
  maxDocuments,
  type RegistryError,
  type ResponseStatus,
  retrieveAction,
  retrieveResponseAction,
} from './retrieveDocumentSet.js';
// The signed request
export {
  createRetrieveRequest,
  faultRelatesTo,
  maxLifetimeMs,
  maxRequestBytes,
  type ParsedRequest,
  parseRequest,
  type SignedMessage,
  type VerifiedRequest,
  verifyRequest,
} from './retrieveRequest.js';
// The signed answer
export { createRetrieveResponse, type ResponseDocument, type StreamedMessage } from './retrieveResponse.js';
// Description
export { serviceDescription } from './wsdl.js';
