/** @radpass/client: the journeys of patient and requester, and typed HTTP clients of node and gateway. Browser-safe. */

// A gateway's view of the ledger
export { createHttpAccessView, type HttpAccessViewInit } from './accessView.js';
export { type Consent, type ConsentReceipt, createConsentReceipt } from './consentReceipt.js';
// Errors
export { ClientError, type ClientErrorDetail } from './errors.js';
export { firstAnswer } from './firstAnswer.js';
export { followEvents } from './followEvents.js';
// Gateway
export { type ClaimState, GatewayApi, type RedeemedOffer, type StudyCard } from './gatewayApi.js';
// Node
export { exchangeJson, type Fetch } from './http.js';
// Requester
export { Inbox, type InboxDeps, type InboxGrant } from './inbox.js';
export { LightNodes, type LightNodesInit, type OpenLight, type VerifiedFinal } from './lightNodes.js';
export { NodeApi, orNull, type SeqQuery } from './nodeApi.js';
export * from './nodeSchemas.js';
export { checkProofBundle, type ProvenGrant } from './proofBundle.js';
// Patient
export { studyAt } from './studyAt.js';
export { Wallet, type WalletDeps } from './wallet.js';
export type { Allowed, Claimed, ListedStudy } from './walletAnswers.js';
export type { ListedAccess, ListedAccesses } from './walletReceipts.js';
export type { RecordStore, WalletRecord } from './walletRecord.js';
