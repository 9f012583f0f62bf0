/**
 * Final blocks, eras and certificates made by hand, without a chain: what an honest network would sign, and what a
 * dishonest node would make of it.
 */
import { type SecretKey, sha256, toHex, utf8 } from '@radpass/core';
import { encodeHeader, type Header } from '../../dist/block.js';
import { tinyParams } from '../../dist/consensus/params.js';
import {
  assembleVoteSet,
  type Checkpoint,
  signVote,
  type VoteMessage,
  type VoteSet,
} from '../../dist/consensus/votes.js';
import { createGenesis, type Genesis, type GenesisContent } from '../../dist/genesis.js';
import { committeeOfGenesis } from '../../dist/genesisState.js';
import { type LightEra, votersRoot } from '../../dist/light/certificate.js';
import type { CertifiedHeader, HandOver, LightVoter } from '../../dist/light/update.js';
import { proveState } from '../../dist/stateProof.js';
import { emptyState, leafKey, StateLayer, type StateSource } from '../../dist/stateView.js';
import { seedKey, testContent } from '../testChain.js';

export const hashOf = (name: string): Uint8Array => sha256(utf8(name));

/** An era with the keys of its voters. */
export interface Era extends LightEra {
  readonly keys: readonly SecretKey[];
}

export class LightWorld {
  readonly genesis: Genesis;
  readonly first: Era;

  constructor(over: Partial<GenesisContent> = {}) {
    this.genesis = createGenesis(testContent(4, { params: tinyParams, ...over }));
    const { voters } = committeeOfGenesis(this.genesis);
    const known = new Map(
      Array.from({ length: 4 }, (_, i) => seedKey(`node ${i}`)).map(key => [toHex(key.publicKey), key]),
    );
    const keys = voters.map(({ nodeKey }) => known.get(toHex(nodeKey))!);
    this.first = { root: { slot: 0, id: this.genesis.chainId }, voters, keys };
  }

  timeOf(slot: number): number {
    return this.genesis.genesisTimeMs + slot * this.genesis.params.slotMs;
  }

  header(slot: number, era: LightEra, change: Partial<Header> = {}): Uint8Array {
    const some = (name: string): Uint8Array => hashOf(`${name} ${slot}`);
    const before = {
      slot: Math.max(era.root.slot, slot - 2),
      id: slot - 2 <= era.root.slot ? era.root.id : some('block'),
    };
    return encodeHeader({
      rulesVersion: 1,
      chainId: this.genesis.chainId,
      slot,
      height: slot,
      parent: some('parent'),
      producer: this.genesis.founders[0]!.sourceKey,
      vrfProof: new Uint8Array(80),
      txRoot: some('tx'),
      voteRoot: some('vote'),
      witnessRoot: some('witness'),
      evidenceRoot: some('evidence'),
      stateRoot: some('state'),
      committeeRoot: votersRoot(era.voters),
      root: era.root,
      justified: before,
      finalized: before,
      bodySize: 4,
      ...change,
    });
  }

  /** The votes of these voters of an era (default: all) on the link that makes a block final as of `slot`. */
  certify(
    id: Uint8Array,
    slot: number,
    era: Era,
    p: { voters?: readonly number[]; message?: Partial<VoteMessage> } = {},
  ): VoteSet {
    const message: VoteMessage = {
      rootId: era.root.id,
      sourceSlot: slot,
      sourceId: id,
      targetSlot: slot + 1,
      targetId: hashOf(`target of ${toHex(id)}`),
      ...p.message,
    };
    const voting = p.voters ?? era.keys.map((_, i) => i);
    const votes = voting.map(voter => ({
      voter,
      signature: signVote(era.keys[voter]!, this.genesis.chainId, message),
    }));
    return assembleVoteSet(message, votes, era.keys.length);
  }

  final(
    slot: number,
    era: Era,
    change: Partial<Header> = {},
    p: Parameters<LightWorld['certify']>[3] = {},
  ): CertifiedHeader {
    const header = this.header(slot, era, change);
    return { header, certificate: this.certify(sha256(header), slot, era, p) };
  }

  /** The block that opens the next era, with these voters, and that era. */
  open(slot: number, era: Era, next: { key: SecretKey; weight: number }[]): { handOver: HandOver; era: Era } {
    const voters: LightVoter[] = next.map(({ key, weight }) => ({ nodeKey: key.publicKey, weight }));
    const certified = this.final(slot, era, { committeeRoot: votersRoot(voters) });
    const root: Checkpoint = { slot, id: sha256(certified.header) };
    return { handOver: { ...certified, voters }, era: { root, voters, keys: next.map(({ key }) => key) } };
  }
}

export const members = (names: string[], weight = 1): { key: SecretKey; weight: number }[] =>
  names.map(name => ({ key: seedKey(name), weight }));

/** A state with these values, its root, and leaves with their proofs from it. */
export function stateOf(values: readonly (readonly [table: number, key: Uint8Array, value: Uint8Array])[]) {
  const layer = new StateLayer(emptyState);
  for (const [table, key, value] of values) layer.set(leafKey(table, key), value);
  const root = layer.commitRoot();
  const source: StateSource = layer;
  const leaf = (table: number, key: Uint8Array) => ({
    value: source.get(leafKey(table, key)) ?? null,
    proof: proveState(source, table, key),
  });
  return { root, leaf };
}
