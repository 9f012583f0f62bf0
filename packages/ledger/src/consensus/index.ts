/**
 * The rules of consensus as one plain object: a researcher replaces one member and runs the same node, simulator and
 * vectors, for whoever judges or builds a block takes the object as an argument (`rules`). What may be replaced is a
 * pure rule; formats, state tables and the order of validity stay.
 *
 *   const rules: Consensus = { ...consensus, election: { selectLeader: mine } };
 *   await openChain({ …, rules });
 *
 * All nodes of a network, and `verify` on their folders, must be given the same rules.
 */
import type { Recovery } from '../restart.js';
import { genesisNonce, nextNonce, vrfAlpha } from './beacon.js';
import { selectCommittee } from './committee.js';
import { opensEra } from './era.js';
import { applyLink, finalizes, isQuorum, isStalled, raises } from './finality.js';
import { selectHead } from './forkChoice.js';
import { selectLeader } from './leader.js';
import { stakePolicies } from './stake.js';
import { vrfOutput, vrfVerify } from './vrf.js';

/** Randomness of an epoch, and what a leader adds to it. */
export interface Beacon {
  /** 32 bytes. */
  readonly genesisNonce: typeof genesisNonce;
  /** 32 bytes. */
  readonly nextNonce: typeof nextNonce;
  /** What a leader proves over: nothing that it could choose. */
  readonly vrfAlpha: typeof vrfAlpha;
  /** The output (64 bytes) of a leader's proof (80 bytes); null when the proof doesn't hold. */
  readonly vrfVerify: typeof vrfVerify;
  /** The same of a proof that was judged before. */
  readonly vrfOutput: typeof vrfOutput;
}

/** Who may make the block of a slot. */
export interface Election {
  readonly selectLeader: typeof selectLeader;
}

/** Which blocks open an era, and who votes in it. */
export interface CommitteeRule {
  readonly opensEra: typeof opensEra;
  readonly selectCommittee: typeof selectCommittee;
}

/** Which branch is the chain. */
export interface ForkChoice {
  readonly selectHead: typeof selectHead;
}

/** From votes to final. */
export interface Finality {
  readonly isQuorum: typeof isQuorum;
  readonly isStalled: typeof isStalled;
  readonly finalizes: typeof finalizes;
  readonly raises: typeof raises;
  readonly applyLink: typeof applyLink;
  /** What people named for a block from which finality starts anew (restart.ts); for nearly every block nothing. */
  readonly recoveries: (blockId: Uint8Array) => Recovery | undefined;
}

export interface Consensus {
  /** Weights from the state, by the policy's name in genesis. */
  readonly stake: typeof stakePolicies;
  readonly beacon: Beacon;
  readonly election: Election;
  readonly committee: CommitteeRule;
  readonly forkChoice: ForkChoice;
  readonly finality: Finality;
}

/** The rules that this project ships. */
export const consensus: Consensus = Object.freeze({
  stake: stakePolicies,
  beacon: Object.freeze({ genesisNonce, nextNonce, vrfAlpha, vrfVerify, vrfOutput }),
  election: Object.freeze({ selectLeader }),
  committee: Object.freeze({ opensEra, selectCommittee }),
  forkChoice: Object.freeze({ selectHead }),
  finality: Object.freeze({ isQuorum, isStalled, finalizes, raises, applyLink, recoveries: () => undefined }),
});
