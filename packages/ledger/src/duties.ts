/** What a node owes a slot by the keys that it holds: a block where one of them leads, a vote of each that has a seat. */
import { equalBytes, type PublicKey } from '@radpass/core';
import type { SlotDuty } from './boundary.js';
import type { Branches } from './branches.js';
import type { Consensus } from './consensus/index.js';
import type { Effect } from './effects.js';
import type { Genesis } from './genesis.js';
import type { Upgrade } from './upgrade.js';
import { chooseVote, type FrozenView } from './voting.js';

function holds(nodeKeys: readonly PublicKey[], wanted: PublicKey): boolean {
  for (const key of nodeKeys) if (equalBytes(key, wanted)) return true;
  return false;
}

/** The network has gone on to rules that this node doesn't know, or a block that people named is not on its chain yet. */
export function mustBeQuiet(p: {
  branches: Branches;
  upgrade: Upgrade;
  awaited?: readonly Uint8Array[] | undefined;
}): boolean {
  const { branches, upgrade, awaited = [] } = p;
  return upgrade.rulesVersion !== null || awaited.some(id => branches.records.votersOf(id).length === 0);
}

/** The proof that a block of the slot begins with, if the leader's key is held. */
export function proofFor(p: {
  genesis: Genesis;
  nodeKeys: readonly PublicKey[];
  slot: number;
  duty: SlotDuty;
  rules: Consensus;
}): Effect[] {
  const { genesis, nodeKeys, slot, rules } = p;
  const { leader, nonce } = p.duty;
  if (!holds(nodeKeys, leader.nodeKey)) return [];
  return [{ kind: 'prove', slot, leader, alpha: rules.beacon.vrfAlpha(genesis.chainId, nonce, slot) }];
}

/** The slot's vote, for each voter of the era whose key is held. */
export function votesOf(p: {
  branches: Branches;
  nodeKeys: readonly PublicKey[];
  slot: number;
  frozen: FrozenView;
  rules: Consensus;
}): Effect[] {
  const { branches, nodeKeys, slot, frozen, rules } = p;
  const { tree, era } = branches;
  const openingOn = (headId: Uint8Array) => branches.openings.on(headId);
  const message = chooseVote({ tree, slot, frozen, root: era.root, openingOn, rules });
  if (!message) return [];
  const votes: Effect[] = [];
  era.committee.voters.forEach(({ nodeKey }, voter) => {
    if (holds(nodeKeys, nodeKey)) votes.push({ kind: 'sign vote', message, voter, nodeKey, eraDepth: era.depth });
  });
  return votes;
}
