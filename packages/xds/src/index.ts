/** @radpass/xds: the public list; README.md groups it by task. What needs Node is in './node'. */

export { type Answer, answerFor } from './answers.js';
export { type AuditEvent, createAuditMessage } from './atna.js';
export { type AuditQueue, type AuditTrail, auditLimits, startAuditTrail } from './auditTrail.js';
export { type Connect, type OpenedDocument, openDocument, type RetrieveOptions, retrieveDocument } from './client.js';
export { within } from './deadline.js';
export {
  type Decision,
  type DecisionFacts,
  type DecisionPolicy,
  decide,
  defaultPolicy,
  type RefusalReason,
  type Refuse,
  Serve,
} from './decide.js';
export {
  checkDisclosure,
  type DisclosureBody,
  type DisclosureClosing,
  type DisclosureEntry,
  type DisclosureKeys,
  type DisclosureOutcome,
  type DisclosureRecord,
  parseDisclosure,
} from './disclosure.js';
export {
  type DisclosureLog,
  type DisclosureStore,
  memoryDisclosureLog,
  openDisclosureStore,
  verifyDisclosures,
} from './disclosureStore.js';
export { type FaultKind, toFault, XdsError, type XdsErrorDetail } from './errors.js';
export type { DocumentProvider, Exchange, StudyDocument, Writer } from './exchange.js';
export { createFault } from './fault.js';
export {
  documentUniqueId,
  parseDocumentUniqueId,
  parseRepositoryUniqueId,
  repositoryUniqueId,
} from './identifiers.js';
export { createRateLimiter, type RateLimiter, type RateLimits, remoteRateKey } from './rate.js';
export {
  type IncrementalHash,
  type ReceivedDocument,
  readRetrieveResponse,
  type VerifiedResponse,
} from './readRetrieveResponse.js';
export type { RetrievalEvent } from './recorder.js';
export { memoryReplayStore, type ReplayStore } from './replayGuard.js';
export {
  type DocumentRequest,
  maxDocuments,
  type RegistryError,
  type ResponseStatus,
  retrieveAction,
  retrieveResponseAction,
} from './retrieveDocumentSet.js';
export {
  createRetrieveRequest,
  faultRelatesTo,
  maxLifetimeMs,
  maxRequestBytes,
  type ParsedRequest,
  parseRequest,
  reopenRequest,
  type SignedMessage,
  type VerifiedRequest,
  verifyRequest,
} from './retrieveRequest.js';
export { createRetrieveResponse, type ResponseDocument, type StreamedMessage } from './retrieveResponse.js';
export { createRetrieveService, type RetrieveService, type RetrieveServiceInit, serviceLimits } from './server.js';
export { frameSyslog, type SyslogMessage } from './syslog.js';
export { createUnsignedRequest, parseUnsignedRequest, type UnsignedRequest } from './unsignedRequest.js';
export {
  createUnsignedResponse,
  type MissingDocument,
  readUnsignedResponse,
  type UnsignedDocument,
} from './unsignedResponse.js';
export type { Clock } from './viewClock.js';
export { serviceDescription } from './wsdl.js';
