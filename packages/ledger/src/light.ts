/** @radpass/ledger/light: check headers and proofs without a ledger; runs in browsers. */
export { blockId, type Header, parseHeader } from './block.js';
export { verifyInclusion } from './merkle.js';
export { verifyStateProof } from './stateProof.js';
export { tables } from './tables.js';
