/**
 * Nodes that need no belief: what one says about the ledger's final state counts once a light client has verified the
 * final block that it was read at, and proofs lead from that block's header to the entries.
 *
 * In the steady state that costs one small answer for each new final block; a node that can't show its final block's
 * certificate, or whose answers don't hold, is refused with a code. A node can still keep silent or tell of an older
 * final block: `timeMs` says how old, and who needs fresh facts compares it with the clock.
 */
import { equalBytes, fromHex, toHex, type Verifier } from '@radpass/core';
import {
  LedgerError,
  LightClient,
  type LightFinal,
  type NamedCheckpoint,
  type ProvenConsent,
  parseGenesis,
  parseHeader,
  parseLightUpdate,
  parseVoters,
  provenConsent,
  provenSource,
  provenStudy,
} from '@radpass/ledger/light';
import { ClientError } from './errors.js';
import { firstAnswer } from './firstAnswer.js';
import { keepBounded } from './keepBounded.js';
import { type NodeApi, orNull } from './nodeApi.js';
import type { FinalCheckpoint, GrantEntry, SourceEntry, StudyEntry } from './nodeSchemas.js';

/** A final checkpoint with the update that proved it, for whoever keeps evidence; empty where it is where trust began. */
export interface VerifiedFinal extends LightFinal {
  readonly update: Uint8Array;
}

/** How an answer names the final block that it was read at. */
type ReadAt = { readonly checkpoint: FinalCheckpoint };

export interface LightNodesInit {
  readonly nodes: readonly NodeApi[];
  /** The network that is meant: from an offer, a card or a configuration. */
  readonly chainId: Uint8Array;
  /** Wall clock, Unix ms. */
  readonly now: () => number;
  /** What `save` was given last, if anything. */
  readonly saved?: Uint8Array | null;
  /** Keeps the state; not called for every block. */
  readonly save?: (state: Uint8Array) => Promise<void>;
  /** A block that somebody vouches for, needed when genesis or the saved state is too long ago. */
  readonly checkpoint?: NamedCheckpoint | { readonly slot: number; readonly blockId: Uint8Array } | undefined;
  readonly verifier?: Verifier;
}

/** How a wallet or inbox opens its light client with what its record holds. */
export type OpenLight = (p: Pick<LightNodesInit, 'chainId' | 'saved' | 'save'>) => Promise<LightNodes>;

const readAttempts = 4;
/** Answers of nodes a little behind are read at blocks verified before. */
const rememberedFinals = 64;
/** Updates of 16 eras each that are followed in one go: more than any network's trust lasts. */
const maxPages = 64;
/** The state is kept when an era has ended, or so often. */
const saveEveryMs = 3_600_000;

export class LightNodes {
  readonly #p: LightNodesInit;
  readonly #client: LightClient;
  readonly #finals = new Map<string, VerifiedFinal>();
  /** Nodes that are being asked for their final block. */
  readonly #asking = new Map<NodeApi, Promise<VerifiedFinal | null>>();
  #savedMs: number;

  private constructor(p: LightNodesInit, client: LightClient, savedMs: number) {
    this.#p = p;
    this.#client = client;
    this.#savedMs = savedMs;
    this.#remember({ ...client.final, update: new Uint8Array() });
  }

  /**
   * Begin with the saved state, at the checkpoint, or at genesis, which any node may give: its hash is the chainId.
   * @throws LedgerError LEDGER_TRUST_OLD: give a checkpoint; LEDGER_CHECKPOINT; ClientError CLIENT_WRONG_NETWORK,
   *   CLIENT_UNREACHABLE …
   */
  static async open(p: LightNodesInit): Promise<LightNodes> {
    const { chainId, saved, checkpoint } = p;
    const options = { nowMs: p.now(), ...(p.verifier && { verifier: p.verifier }) };
    const loaded = saved && loadUnlessOld(saved, { chainId, ...options }, checkpoint !== undefined);
    if (loaded) return new LightNodes(p, loaded, loaded.final.timeMs);
    const genesis = parseGenesis(await firstAnswer(p.nodes, node => node.genesis()));
    if (!equalBytes(genesis.chainId, chainId)) {
      const detail = { code: 'CLIENT_WRONG_NETWORK', expected: toHex(chainId), got: toHex(genesis.chainId) } as const;
      throw new ClientError(detail, `the node is of network ${detail.got}, not ${detail.expected}`);
    }
    const anchor = checkpoint && {
      checkpoint,
      ...(await firstAnswer(p.nodes, async node => {
        const { header } = await node.block(checkpoint.blockId);
        const roots = 'kind' in checkpoint && checkpoint.kind === 'recovery';
        const rootId = roots ? checkpoint.blockId : parseHeader(header).root.id;
        return { header, voters: parseVoters(await node.committee(rootId)) };
      })),
    };
    const client = LightClient.open({ genesis, ...(anchor && { anchor }), ...options });
    await p.save?.(client.save());
    return new LightNodes(p, client, client.final.timeMs);
  }

  get nodes(): readonly NodeApi[] {
    return this.#p.nodes;
  }

  get chainId(): Uint8Array {
    return this.#p.chainId;
  }

  /** The newest final checkpoint that any node has shown. */
  get final(): LightFinal {
    return this.#client.final;
  }

  /**
   * Ask the nodes in turn until one gives an answer whose final block is verified.
   * @throws what the last one failed with
   */
  ask<T extends ReadAt>(question: (node: NodeApi) => Promise<T>): Promise<{ answer: T; final: VerifiedFinal }> {
    return firstAnswer(this.#p.nodes, node => this.at(node, () => question(node)));
  }

  /** Ask one node; see `ask`. @throws ClientError CLIENT_UNPROVEN, CLIENT_STATE_MOVED; LedgerError LEDGER_LIGHT_… */
  async at<T extends ReadAt>(node: NodeApi, question: () => Promise<T>): Promise<{ answer: T; final: VerifiedFinal }> {
    for (let attempt = 0; attempt < readAttempts; attempt++) {
      const answer = await question();
      const final = await this.verified(node, answer.checkpoint);
      if (final) return { answer, final };
    }
    const detail = { code: 'CLIENT_STATE_MOVED', attempts: readAttempts } as const;
    throw new ClientError(detail, 'the final state moved during every attempt to read it');
  }

  /**
   * The final checkpoint that a node named, verified; null when the node has moved on to a newer block meanwhile: ask again.
   * @throws ClientError CLIENT_UNPROVEN, LedgerError LEDGER_LIGHT_…
   */
  async verified(node: NodeApi, checkpoint: FinalCheckpoint): Promise<VerifiedFinal | null> {
    const known = this.#finals.get(toHex(checkpoint.blockId));
    if (known && known.slot >= checkpoint.slot) return known;
    const proven = await this.#askFinal(node);
    if (!proven) {
      const detail = { code: 'CLIENT_UNPROVEN', what: 'final block' } as const;
      throw new ClientError(detail, 'the node can not prove its newest final block');
    }
    return equalBytes(proven.blockId, checkpoint.blockId) ? proven : null;
  }

  #askFinal(node: NodeApi): Promise<VerifiedFinal | null> {
    const under = this.#asking.get(node);
    if (under) return under;
    const asked = this.#follow(node).finally(() => this.#asking.delete(node));
    this.#asking.set(node, asked);
    return asked;
  }

  async #follow(node: NodeApi): Promise<VerifiedFinal | null> {
    const bytes = await node.lightCheckpoint();
    const update = parseLightUpdate(bytes);
    const wanted = update.final?.certificate.message.rootId;
    const rootBefore = this.#client.root;
    for (let page = 0; wanted && !equalBytes(this.#client.root.id, wanted) && page < maxPages; page++) {
      const from = this.#client.root.id;
      const handOvers = await orNull(node.lightHandOvers(from));
      if (handOvers) this.#client.advance(parseLightUpdate(handOvers), this.#p.now());
      if (equalBytes(from, this.#client.root.id)) await this.#recover(node);
      // A node that knows nothing further is judged by what it has: its certificate is of another era than ours.
      if (equalBytes(from, this.#client.root.id)) break;
    }
    const final = this.#client.advance(update, this.#p.now());
    if (final) this.#remember({ ...final, update: bytes });
    await this.#keep(rootBefore !== this.#client.root);
    return final && { ...final, update: bytes };
  }

  /** Go on over a recovery, if the network's people ended the era that is held by one. */
  async #recover(node: NodeApi): Promise<void> {
    const checkpoint = await orNull(node.recovery(this.#client.root.id));
    if (!checkpoint) return;
    const genesis = parseGenesis(await node.genesis());
    const { header } = await node.block(checkpoint.blockId);
    const voters = parseVoters(await node.committee(checkpoint.blockId));
    this.#client.recover({ checkpoint, header, voters }, { genesis, nowMs: this.#p.now() });
  }

  async #keep(newEra: boolean): Promise<void> {
    const { timeMs } = this.#client.final;
    if (!this.#p.save || (!newEra && timeMs < this.#savedMs + saveEveryMs)) return;
    this.#savedMs = timeMs;
    await this.#p.save(this.#client.save());
  }

  #remember(final: VerifiedFinal): void {
    const name = toHex(final.blockId);
    const known = this.#finals.get(name);
    if (known && known.slot >= final.slot) return;
    keepBounded(this.#finals, name, final, rememberedFinals);
  }
}

/** The saved client; null when its trust is too old and a checkpoint is there to begin anew. */
function loadUnlessOld(
  saved: Uint8Array,
  options: Parameters<typeof LightClient.load>[1],
  hasCheckpoint: boolean,
): LightClient | null {
  try {
    return LightClient.load(saved, options);
  } catch (error) {
    if (hasCheckpoint && error instanceof LedgerError && error.code === 'LEDGER_TRUST_OLD') return null;
    throw error;
  }
}

/** Opens the light client of a record once it is needed, and keeps its state in there. Null: the nodes are believed. */
export function lightOfRecord(
  open: OpenLight | undefined,
  record: { readonly chainId: string; light?: string | undefined },
  save: () => Promise<void>,
): () => Promise<LightNodes | null> {
  let opened: Promise<LightNodes> | null = null;
  return async () => {
    if (!open) return null;
    opened ??= open({
      chainId: fromHex(record.chainId),
      saved: record.light ? fromHex(record.light) : null,
      save: state => {
        record.light = toHex(state);
        return save();
      },
    }).catch((error: unknown) => {
      opened = null;
      throw error;
    });
    return opened;
  };
}

function lacks(what: string): ClientError {
  return new ClientError({ code: 'CLIENT_UNPROVEN', what }, `the node gave no proof of a ${what}`);
}

/** A study as its proof shows it. @throws ClientError CLIENT_UNPROVEN, LedgerError LEDGER_LIGHT_PROOF */
export function provenStudyOf(final: LightFinal, entry: StudyEntry): StudyEntry {
  const { sourceKey, studyHash, leaf } = entry;
  const study = leaf && provenStudy(final, { sourceKey, studyHash }, leaf);
  if (!study) throw lacks('study');
  return { ...study, sourceKey, studyHash };
}

/** A source as its proof shows it. @throws ClientError CLIENT_UNPROVEN, LedgerError LEDGER_LIGHT_PROOF */
export function provenSourceOf(final: LightFinal, entry: SourceEntry): SourceEntry {
  const source = entry.leaf && provenSource(final, entry.sourceKey, entry.leaf);
  if (!source) throw lacks('source');
  const { standingKey, nodeKey, url, seq, tlsPins, nextKeyHash, studyCount } = source;
  return { sourceKey: entry.sourceKey, standingKey, nodeKey, url, seq, tlsPins, nextKeyHash, studyCount };
}

/** A patient's word as its proofs show it. @throws ClientError CLIENT_UNPROVEN, LedgerError LEDGER_LIGHT_PROOF */
export function provenGrantOf(final: LightFinal, entry: GrantEntry): ProvenConsent {
  if (!entry.leaves) throw lacks('grant');
  return provenConsent(final, entry, entry.leaves);
}
