/** @radpass/ledger/level: the ledger's files under Node. */
export { openLevelStore } from './levelStore.js';
export { createSigningRecord, openNodeSigner } from './signingRecord.js';
export { verifyStore } from './verify.js';
