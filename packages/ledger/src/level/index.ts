/** @radpass/ledger/level: the ledger's files under Node. */
export { openLevelStore } from './levelStore.js';
export { createSigningRecord, openNodeSigner, type Restore } from './signingRecord.js';
export { verifyStore } from './verify.js';
