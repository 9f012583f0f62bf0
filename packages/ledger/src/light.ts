/** @radpass/ledger/light: follow final blocks and check what nodes say about their state, without a ledger; runs in browsers. */
export { blockId, type Header, parseHeader } from './block.js';
export { type NamedCheckpoint, parseCheckpoint, parseCheckpointName } from './checkpoint.js';
export { LedgerError } from './errors.js';
export { type Genesis, parseGenesis } from './genesis.js';
export {
  type ConsentScope,
  type Leaf,
  type ProvenConsent,
  provenConsent,
  provenSource,
  provenStudy,
} from './light/access.js';
export { type LightFinal, votersRoot } from './light/certificate.js';
export { type Anchor, LightClient } from './light/client.js';
export {
  encodeLightUpdate,
  type LightUpdate,
  type LightVoter,
  lightLimits,
  parseLightUpdate,
  parseVoters,
} from './light/update.js';
export { verifyInclusion } from './merkle.js';
export { verifyStateProof } from './stateProof.js';
export { type ConsentEntry, type SourceEntry, type StudyEntry, tables } from './tables.js';
