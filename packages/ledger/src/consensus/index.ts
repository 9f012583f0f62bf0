/**
 * The rules of consensus as one plain object: a researcher swaps one member and runs the same blocks, simulator and
 * vectors. What may be swapped is a pure rule; formats, state tables and the order of validity stay.
 */
import { genesisNonce, nextNonce, vrfAlpha } from './beacon.js';
import { selectCommittee } from './committee.js';
import { applyLink, isQuorum, isStalled, raises } from './finality.js';
import { compareHeads, selectHead } from './forkChoice.js';
import { selectLeader } from './leader.js';
import { stakePolicies } from './stake.js';

export const consensus = Object.freeze({
  /** Weights from the state, by the policy's name in genesis. */
  stake: stakePolicies,
  /** Randomness of an epoch. */
  beacon: Object.freeze({ genesisNonce, nextNonce, vrfAlpha }),
  /** Leader of a slot. */
  election: Object.freeze({ selectLeader }),
  /** Voters of an era. */
  committee: Object.freeze({ selectCommittee }),
  /** Which branch is the chain. */
  forkChoice: Object.freeze({ compareHeads, selectHead }),
  /** From votes to final. */
  finality: Object.freeze({ isQuorum, isStalled, raises, applyLink }),
});

export type Consensus = typeof consensus;
