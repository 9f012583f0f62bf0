/**
 * A network of founders in memory: makes genesis, blocks and votes for tests. Every branch can be grown and bent.
 *
 * A leader's proof costs as much as a hundred signatures. With `testRules` it is the simulator's keyed hash, which is
 * judged in the same place and forged by nobody without the key.
 */
import { createClaim, createDefineStudy, type PublicKey, SecretKey, sha256, sign, toHex, utf8 } from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import { applyBlock } from '../dist/applyBlock.js';
import { type Block, type Body, bodyRoots, encodeBlock, encodeBody, type Header } from '../dist/block.js';
import { dutyOfSlot } from '../dist/boundary.js';
import { type BuildBlockInput, buildBlock } from '../dist/buildBlock.js';
import { vrfAlpha } from '../dist/consensus/beacon.js';
import type { Committee } from '../dist/consensus/committee.js';
import { type Consensus, consensus } from '../dist/consensus/index.js';
import { tinyParams } from '../dist/consensus/params.js';
import { assembleVoteSet, type Checkpoint, signVote, type VoteMessage, type VoteSet } from '../dist/consensus/votes.js';
import { vrfProve } from '../dist/consensus/vrf.js';
import { createGenesis, type Genesis, type GenesisContent } from '../dist/genesis.js';
import { committeeOfGenesis, genesisView, type ParentView } from '../dist/genesisState.js';
import { describeRecovery, type Recovery, withRecoveries } from '../dist/restart.js';
import { SimSignatures } from '../dist/sim/simSignatures.js';
import { type Era, nextEra, type Standing, standingAfter } from '../dist/standing.js';
import { StateLayer } from '../dist/stateView.js';

export const verifier = nodeVerifier;

const proofs = new SimSignatures();
/** The rules that ship, with proofs by keyed hashes for the keys that `seedKey` made. */
export const testRules: Consensus = { ...consensus, beacon: { ...consensus.beacon, ...proofs.vrf } };
export const testProof = (key: SecretKey, alpha: Uint8Array): Uint8Array => proofs.vrfProve(key.publicKey, alpha);
const realProof = (key: SecretKey, alpha: Uint8Array): Uint8Array => vrfProve(key.exportSeed(), alpha);

const seedKeys = new Map<string, SecretKey>();

export function seedKey(name: string): SecretKey {
  const known = seedKeys.get(name);
  if (known) return known;
  const key = SecretKey.fromSeed(sha256(utf8(name)));
  seedKeys.set(name, key);
  proofs.register(key.publicKey, key.exportSeed());
  return key;
}

export function testContent(count: number, over: Partial<GenesisContent> = {}): GenesisContent {
  const founders = Array.from({ length: count }, (_, i) => ({
    sourceKey: seedKey(`source ${i}`).publicKey,
    nodeKey: seedKey(`node ${i}`).publicKey,
    url: `https://h${i}.example`,
    weight: 30,
  }));
  return {
    genesisTimeMs: 1_700_000_040_000,
    params: tinyParams,
    stakePolicy: 'open',
    founders,
    payers: [],
    checkpointKeys: [],
    checkpointThreshold: 0,
    studyHashForms: [32],
    allowList: [],
    ...over,
  };
}

/** A block of the test, or genesis, as a parent. */
export interface Link {
  readonly view: ParentView;
  readonly block: Block | null;
  readonly parent: Link | null;
}

export type Extra = Partial<BuildBlockInput>;

export class TestChain {
  readonly genesis: Genesis;
  readonly start: Link;
  rules: Consensus;
  readonly #ruleBook: Consensus;
  readonly #keys = new Map<string, SecretKey>();

  constructor(count = 4, over: Partial<GenesisContent> = {}, rules: Consensus = consensus) {
    this.rules = rules;
    this.#ruleBook = rules;
    this.genesis = createGenesis(testContent(count, over));
    this.start = { view: genesisView(this.genesis), block: null, parent: null };
    for (let i = 0; i < count + 4; i++) this.know(seedKey(`node ${i}`));
  }

  /** Let a node key lead and vote. */
  know(key: SecretKey): void {
    this.#keys.set(toHex(key.publicKey), key);
  }

  keyOf(nodeKey: PublicKey): SecretKey {
    return this.#keys.get(toHex(nodeKey))!;
  }

  /** What the leader of `slot` on `parent` would build. */
  draft(parent: Link, slot: number, extra: Extra = {}): { built: ReturnType<typeof buildBlock>; key: SecretKey } {
    const { leader, nonce } = dutyOfSlot({ genesis: this.genesis, state: parent.view.state, slot });
    const key = this.keyOf(leader.nodeKey);
    const prove = this.#ruleBook === testRules ? testProof : realProof;
    const built = buildBlock({
      genesis: this.genesis,
      parent: parent.view,
      slot,
      producer: leader,
      vrfProof: prove(key, vrfAlpha(this.genesis.chainId, nonce, slot)),
      certificates: [],
      voteSets: [],
      candidates: [],
      verifier,
      rules: this.rules,
      ...extra,
    });
    return { built, key };
  }

  seal(header: Header, body: Body, key: SecretKey): Block {
    const unsigned = encodeBlock({ header, body, signature: new Uint8Array(64) });
    return encodeBlock({ header, body, signature: sign(key, 'block', this.genesis.chainId, unsigned.id) });
  }

  /** A block with other contents whose header fits its body, by the same leader. */
  bend(block: Block, key: SecretKey, change: { header?: Partial<Header>; body?: Partial<Body> }): Block {
    const body = { ...block.body, ...change.body };
    const fitted = { ...block.header, ...bodyRoots(body), bodySize: encodeBody(body).length };
    return this.seal({ ...fitted, ...change.header }, body, key);
  }

  apply(parent: Link, block: Block): Link {
    const layer = applyBlock({ genesis: this.genesis, parent: parent.view, block, verifier, rules: this.rules });
    const link: { view: ParentView; block: Block; parent: Link } = {
      block,
      parent,
      view: {
        header: block.header,
        id: block.id,
        state: layer,
        ancestor: id => {
          for (let at: Link | null = link; at; at = at.parent) {
            if (toHex(at.view.id) === toHex(id)) return at.view.header;
          }
          return undefined;
        },
        at: id => {
          for (let at: Link | null = link; at; at = at.parent) if (toHex(at.view.id) === toHex(id)) return at.view;
          return undefined;
        },
      },
    };
    return link;
  }

  extend(parent: Link, slot: number, extra: Extra = {}): Link {
    const { built, key } = this.draft(parent, slot, extra);
    return this.apply(parent, this.seal(built.header, built.body, key));
  }

  /** Let finality start anew from a block, for all that is built and applied from now on. */
  recover(link: Link): Recovery {
    const { id, header, state } = link.view;
    const book = { genesis: this.genesis, rules: this.#ruleBook };
    const { statement } = describeRecovery({ id, ...header, state }, { ...book, reason: 'gone for good' });
    this.rules = withRecoveries(this.#ruleBook, [statement]);
    return statement;
  }

  /** Where a block after `link` begins in its chain's eras. */
  standing(link: Link): Standing {
    return standingAfter(new StateLayer(link.view.state), link.view, { genesis: this.genesis, rules: this.rules });
  }

  /** The era of the opening block that waits on `link`'s chain to become final. */
  next(link: Link): Era {
    const { opening } = this.standing(link).era;
    return nextEra(link.view.state, this.blockAt(link, opening!.height).view.id, {
      genesis: this.genesis,
      rules: this.#ruleBook,
    });
  }

  blockAt(link: Link, height: number): Link {
    let at = link;
    while (at.view.header.height > height) at = at.parent!;
    return at;
  }

  /** The votes of these committee members on one link, of era 0 unless another is given. */
  votes(
    source: Checkpoint,
    target: Checkpoint,
    voters: readonly number[],
    era: { root: { id: Uint8Array }; committee: Committee } = {
      root: { id: this.genesis.chainId },
      committee: committeeOfGenesis(this.genesis),
    },
  ): VoteSet {
    const message: VoteMessage = {
      rootId: era.root.id,
      sourceSlot: source.slot,
      sourceId: source.id,
      targetSlot: target.slot,
      targetId: target.id,
    };
    const cast = voters.map(voter => ({
      voter,
      signature: signVote(this.keyOf(era.committee.voters[voter]!.nodeKey), this.genesis.chainId, message),
    }));
    return assembleVoteSet(message, cast, era.committee.voters.length);
  }

  all(committee = committeeOfGenesis(this.genesis)): number[] {
    return committee.voters.map((_, i) => i);
  }

  /**
   * Grow to `slot` as a healthy network does: all vote in every slot, each block carries the certificate before it, and
   * where a block opens an era the votes stop at it until it is final.
   * @param extra - of the block of a slot; null: nobody makes it
   */
  grow(from: Link, slot: number, extra: (slot: number, head: Link) => Extra | null = () => ({})): Link {
    let head = from;
    /** What the next block carries: a hand-over that no block has yet, and the certificate of the slot before. */
    let handOver: VoteSet | null = null;
    let certificate: VoteSet | null = null;
    const { record, committee } = this.standing(from);
    let era: { root: Checkpoint; committee: Committee } = { root: record.root, committee };
    let source = record.justified;
    for (let next = head.view.header.slot + 1; next <= slot; next++) {
      const more = extra(next, head);
      if (more) {
        const certificates: VoteSet[] = [handOver, certificate].filter(carried => carried !== null);
        head = this.extend(head, next, { certificates, ...more });
        handOver = null;
      }
      const opening = handOver ? null : this.standing(head).era.opening;
      const stop = opening ? this.blockAt(head, opening.height).view.id : head.view.id;
      const target = { slot: next, id: stop };
      certificate = this.votes(source, target, this.all(era.committee), era);
      const isHandOver = opening !== null && toHex(source.id) === toHex(stop) && source.slot === next - 1;
      if (isHandOver) {
        [handOver, certificate] = [certificate, null];
        era = this.next(head);
      }
      source = isHandOver ? era.root : target;
    }
    return head;
  }
}

/** A study of a source, claimed by a patient of its own. */
export function study(chain: TestChain, source: SecretKey, name: string, time: number) {
  const { chainId } = chain.genesis;
  const claim = createClaim({
    chainId,
    key: seedKey(`patient of ${name}`),
    sourceKey: source.publicKey,
    studyHash: sha256(utf8(`study ${name}`)),
  });
  return createDefineStudy({ chainId, key: source, time, claim });
}
