/**
 * What must hold in every world, looked at from outside after every step: by the events of the nodes, by their disks and by
 * what their keys sign. Only honest nodes are judged; what adversaries say of themselves says nothing.
 *
 *   no two conflicting final blocks; nothing final reverted, over restarts neither
 *   a head descends from its node's final block
 *   a chain's roots, final checkpoints and, within an era, justified ones never go back from parent to child
 *   every certificate in a block has its quorum of the era's voters
 *   no key of an honest node signs two blocks for a slot, two votes for a target, or a vote around an earlier one
 *   the stored state has the root that the final block's header names
 *   what a node acknowledged it knows again after a stop
 *   a chain stops for a reason that has a code
 */
import { equalBytes, type PublicKey, toHex, type Verifier } from '@radpass/core';
import type { Block } from '../block.js';
import type { Consensus } from '../consensus/index.js';
import { encodeVoteMessage, type VoteMessage, votersOf } from '../consensus/votes.js';
import type { Delivered } from '../events.js';
import type { Genesis } from '../genesis.js';
import { committeeOfGenesis } from '../genesisState.js';
import type { Judging } from '../judging.js';
import { eraRecord, heightRecord } from '../records.js';
import { storedRoot } from '../stateTree.js';
import { storeKeys } from '../storeKeys.js';
import { verifyStore } from '../verify.js';
import type { SimNode } from './simNode.js';
import type { SignatureWatch } from './simSigner.js';

export interface Violation {
  readonly atMs: number;
  readonly node: number;
  readonly rule: string;
  readonly what: string;
}

/** A block that some node had as head or as final. */
export interface KnownBlock {
  readonly id: string;
  readonly parent: string;
  readonly slot: number;
  readonly height: number;
  readonly producer: string;
  readonly stateRoot: Uint8Array;
  readonly rootSlot: number;
  readonly justifiedSlot: number;
  readonly finalizedSlot: number;
}

interface Signed {
  readonly blocks: Map<number, string>;
  depth: number;
  sourceSlot: number;
  targetSlot: number;
  message: string;
}

/** More than these are not kept: the first ones tell what went wrong. */
const maxViolations = 50;
/** Every so many final blocks a node's stored root is compared. */
const rootEvery = 8;

export class Invariants implements SignatureWatch {
  readonly violations: Violation[] = [];
  /** By id in hex; genesis is in it. */
  readonly blocks = new Map<string, KnownBlock>();
  /** Id in hex of the final block at each height, as the first node had it. */
  readonly final: string[];
  /** By which blocks are judged again. */
  rules: Consensus;
  readonly #genesis: Genesis;
  readonly #judging: Judging;
  readonly #now: () => number;
  readonly #finalOf = new Map<SimNode, number>();
  readonly #signed = new Map<string, Signed>();
  readonly #acknowledged = new Map<SimNode, Map<string, Uint8Array>>();

  constructor(p: { genesis: Genesis; judging: Judging; rules: Consensus; now: () => number }) {
    this.#genesis = p.genesis;
    this.#judging = p.judging;
    this.rules = p.rules;
    this.#now = p.now;
    const id = toHex(p.genesis.chainId);
    const none = { parent: '', slot: 0, height: 0, producer: '', rootSlot: 0, justifiedSlot: 0, finalizedSlot: 0 };
    this.blocks.set(id, { id, ...none, stateRoot: new Uint8Array() });
    this.final = [id];
  }

  /** Heights that some node has as final. */
  get finalHeight(): number {
    return this.final.length - 1;
  }

  violated(node: number, rule: string, what: string): void {
    if (this.violations.length < maxViolations) this.violations.push({ atMs: this.#now(), node, rule, what });
  }

  // What keys sign

  block(nodeKey: PublicKey, slot: number, id: Uint8Array): void {
    const { blocks } = this.#signedBy(nodeKey);
    const earlier = blocks.get(slot);
    if (earlier !== undefined && earlier !== toHex(id)) this.violated(-1, 'double block', `slot ${slot}`);
    blocks.set(slot, toHex(id));
  }

  vote(nodeKey: PublicKey, message: VoteMessage, eraDepth: number): void {
    const signed = this.#signedBy(nodeKey);
    const text = toHex(encodeVoteMessage(message));
    const { sourceSlot, targetSlot } = message;
    if (text === signed.message) return;
    if (targetSlot <= signed.targetSlot) this.violated(-1, 'double vote', `target slot ${targetSlot}`);
    if (eraDepth < signed.depth || (eraDepth === signed.depth && sourceSlot < signed.sourceSlot))
      this.violated(-1, 'surround vote', `source slot ${sourceSlot} after ${signed.sourceSlot}`);
    Object.assign(signed, { depth: eraDepth, sourceSlot, targetSlot, message: text });
  }

  #signedBy(nodeKey: PublicKey): Signed {
    const name = toHex(nodeKey);
    const known = this.#signed.get(name);
    if (known) return known;
    const signed: Signed = { blocks: new Map(), depth: 0, sourceSlot: 0, targetSlot: 0, message: '' };
    this.#signed.set(name, signed);
    return signed;
  }

  // What nodes say

  event(node: SimNode, event: Delivered): void {
    if (!node.isHonest) return;
    if (event.kind === 'final') this.#checkFinal(node, event.height, toHex(event.id));
    if (event.kind === 'head') this.#checkHead(node, toHex(event.id));
  }

  acknowledged(node: SimNode, id: Uint8Array): void {
    const ids = this.#acknowledged.get(node) ?? new Map<string, Uint8Array>();
    this.#acknowledged.set(node, ids.set(toHex(id), id));
  }

  /** A node is there again: everything that it acknowledged must be, too. A disk that rotted or was emptied is excused. */
  opened(node: SimNode): void {
    if (!node.isHonest) return;
    const { chain } = node;
    if (node.wiped > 0 || node.rotted > 0) {
      this.#acknowledged.delete(node);
      this.#finalOf.delete(node);
      return;
    }
    const height = chain?.peerStatus().finalHeight ?? 0;
    const before = this.#finalOf.get(node) ?? 0;
    if (height < before)
      this.violated(node.index, 'final reverted', `height ${before} before the stop, ${height} after`);
    for (const [name, id] of this.#acknowledged.get(node) ?? []) {
      void chain?.transaction(id).then(entry => {
        if (!entry) this.violated(node.index, 'acknowledged transaction lost', name);
      });
    }
  }

  #checkFinal(node: SimNode, height: number, id: string): void {
    const from = this.#finalOf.get(node) ?? 0;
    for (let at = Math.min(from + 1, height); at <= height; at++) {
      const stored = node.p.disk.peek(storeKeys.height(at));
      const found = at === height ? id : stored ? toHex(heightRecord.decode(stored).id) : '';
      const known = this.final[at];
      if (known === undefined) {
        const block = this.#know(node, found);
        if (!block || block.parent !== this.final[at - 1]) {
          this.violated(node.index, 'final chain broken', `height ${at} does not follow height ${at - 1}`);
        }
        this.final[at] = found;
      } else if (known !== found) {
        this.violated(
          node.index,
          'conflicting final blocks',
          `height ${at}: ${known.slice(0, 12)}, ${found.slice(0, 12)}`,
        );
        return;
      }
    }
    this.#finalOf.set(node, Math.max(from, height));
    if (height % rootEvery === node.index % rootEvery) this.#checkRoot(node, id);
  }

  #checkRoot(node: SimNode, id: string): void {
    const block = this.blocks.get(id);
    if (block && block.height > 0 && !node.p.disk.isRotten && !equalBytes(storedRoot(node.p.disk), block.stateRoot)) {
      this.violated(node.index, 'state is not the header’s', `height ${block.height}`);
    }
  }

  #checkHead(node: SimNode, id: string): void {
    const final = node.chain?.peerStatus().finalHeight ?? 0;
    let at = this.#know(node, id);
    while (at && at.height > final) at = this.#know(node, at.parent);
    if (!at || (this.final[at.height] !== at.id && at.height === final && this.final[final] !== undefined)) {
      this.violated(node.index, 'head off the final chain', id.slice(0, 12));
    }
  }

  /** A block that a node has on its disk, looked at once in a world. */
  #know(node: SimNode, id: string): KnownBlock | undefined {
    const known = this.blocks.get(id);
    if (known) return known;
    const bytes = node.p.disk.peek(
      storeKeys.block(Uint8Array.from(id.match(/../g) ?? [], pair => Number.parseInt(pair, 16))),
    );
    if (!bytes) return undefined;
    const block = this.#judging.parseKeptBlock(bytes);
    const { header } = block;
    const entry: KnownBlock = {
      id,
      parent: toHex(header.parent),
      slot: header.slot,
      height: header.height,
      producer: toHex(header.producer),
      stateRoot: header.stateRoot,
      rootSlot: header.root.slot,
      justifiedSlot: header.justified.slot,
      finalizedSlot: header.finalized.slot,
    };
    this.blocks.set(id, entry);
    const parent = this.#know(node, entry.parent);
    if (parent) this.#checkOrder(node, parent, entry);
    this.#checkCertificates(node, block);
    return entry;
  }

  #checkOrder(node: SimNode, parent: KnownBlock, block: KnownBlock): void {
    // A new era begins with its root as the justified checkpoint.
    const isOneEra = block.rootSlot === parent.rootSlot;
    const fields = ['rootSlot', 'finalizedSlot', 'slot', ...(isOneEra ? (['justifiedSlot'] as const) : [])] as const;
    for (const field of fields) {
      if (block[field] < parent[field])
        this.violated(node.index, 'checkpoints go back', `${field} at height ${block.height}`);
    }
  }

  #checkCertificates(node: SimNode, { header, body }: Block): void {
    const { params } = this.#genesis;
    const { isQuorum, isStalled } = this.rules.finality;
    for (const { message, bitmap } of body.certificates) {
      const era = this.#eraOf(node, message.rootId);
      if (!era) {
        this.violated(node.index, 'certificate of no era', `height ${header.height}`);
        continue;
      }
      const weights = era.voters.map(({ weight }) => weight);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const weight = votersOf(bitmap).reduce((sum, voter) => sum + (weights[voter] ?? 0), 0);
      if (!isQuorum(weight, total, isStalled(message.targetSlot, era.slot, params))) {
        this.violated(node.index, 'certificate without quorum', `height ${header.height}`);
      }
    }
  }

  /** Voters of a root that the node knows as final. */
  #eraOf(node: SimNode, rootId: Uint8Array): { slot: number; voters: readonly { weight: number }[] } | null {
    if (equalBytes(rootId, this.#genesis.chainId)) {
      return { slot: 0, voters: committeeOfGenesis(this.#genesis, this.rules).voters };
    }
    const stored = node.p.disk.peek(storeKeys.era(rootId));
    return stored ? eraRecord.decode(stored) : null;
  }

  // At the end

  /** Replay a node's whole store from genesis with all signatures, unless it is known to be rotten. */
  async checkReplay(node: SimNode, verifier: Verifier): Promise<void> {
    if (!node.isHere || node.p.disk.isRotten) return;
    const { firstBad } = await verifyStore(node.p.disk, this.#genesis, verifier, { rules: this.rules });
    if (firstBad) this.violated(node.index, 'replay', `height ${firstBad.height}: ${firstBad.code} ${firstBad.reason}`);
  }

  /** After quiet time: what was acknowledged is final. @param except - ids in hex that may rightly never be */
  async checkAcknowledged(nodes: readonly SimNode[], except: (id: string) => boolean): Promise<void> {
    for (const node of nodes.filter(({ rotted, wiped }) => rotted + wiped === 0)) {
      for (const [name, id] of this.#acknowledged.get(node) ?? []) {
        const entry = await node.chain?.transaction(id);
        if (node.chain && entry?.grade !== 'final' && !except(name)) {
          this.violated(
            node.index,
            'acknowledged transaction not final',
            `${name.slice(0, 12)} is ${entry?.grade ?? 'unknown'}`,
          );
        }
      }
    }
  }
}
