/**
 * A light client: who keeps no ledger and follows it by one certificate an era.
 *
 * It holds the era's voters and the newest final checkpoint that it saw. An update leads from era to era, each step by
 * the quorum with which the era before made the opening block final, and ends at a final block of the last. Nothing of an
 * update counts unless all of it holds.
 *
 * Trust is not for ever: voters of an era that ended long ago can sell their keys and sign another past. Who has seen
 * nothing final within `trustMs` refuses everything until given a checkpoint. The slot of what was seen counts, not when.
 *
 * Saved state = canonical [1, chainId, genesisTimeMs, slotMs, stallSlots, trustMs, [root slot, root id], voters,
 * final slot, final id, final state root]. Who can write it can make the client believe anything.
 */
import {
  bytes,
  CodedError,
  constant,
  decodeCanonical,
  encodeAs,
  equalBytes,
  nobleVerifier,
  toHex,
  tuple,
  uint,
  type Verifier,
} from '@radpass/core';
import { checkCheckpoint, type NamedCheckpoint } from '../checkpoint.js';
import { type Checkpoint, checkpointSchema } from '../consensus/votes.js';
import { LedgerError } from '../errors.js';
import type { Genesis } from '../genesis.js';
import { committeeOfGenesis, genesisState } from '../genesisState.js';
import {
  judgeFinal,
  type LightEra,
  type LightFinal,
  type LightNetwork,
  lightFault,
  maxAheadMs,
  readHeader,
  timeOfSlot,
  votersRoot,
} from './certificate.js';
import { type HandOver, type LightUpdate, type LightVoter, lightLimits, votersSchema } from './update.js';

/** A checkpoint with what any node can give: its block's header, and the voters that the header names by their root. */
export interface Anchor {
  /** From a file, or by hand: whoever names it vouches for it. */
  readonly checkpoint: NamedCheckpoint | { readonly slot: number; readonly blockId: Uint8Array };
  readonly header: Uint8Array;
  readonly voters: readonly LightVoter[];
}

interface LightState {
  readonly network: LightNetwork;
  readonly era: LightEra;
  readonly final: LightFinal;
}

type Saved = [1, Uint8Array, number, number, number, number, Checkpoint, LightVoter[], number, Uint8Array, Uint8Array];
const savedSchema = tuple<Saved>(
  constant(1),
  bytes(32),
  uint(),
  uint(),
  uint(),
  uint(),
  checkpointSchema,
  votersSchema,
  uint(),
  bytes(32),
  bytes(32),
);

function networkOf({ chainId, genesisTimeMs, params }: Genesis): LightNetwork {
  const { slotMs, stallSlots, trustMs } = params;
  return { chainId, genesisTimeMs, slotMs, stallSlots, trustMs };
}

function stateOfGenesis(genesis: Genesis): LightState {
  const { chainId, genesisTimeMs } = genesis;
  const { root } = genesisState(genesis);
  return {
    network: networkOf(genesis),
    era: { root: { slot: 0, id: chainId }, voters: committeeOfGenesis(genesis).voters },
    final: { slot: 0, blockId: chainId, timeMs: genesisTimeMs, stateRoot: root },
  };
}

function refuseAnchor(reason: string): never {
  throw new LedgerError({ code: 'LEDGER_CHECKPOINT', reason }, `no checkpoint to rely on: ${reason}`);
}

/**
 * The era of a checkpoint's block is the one that its header records, so a block that opens an era can't be one: its
 * committeeRoot is of voters who don't vote yet. The block of a recovery roots an era itself, and the statement names its voters.
 */
function stateOfAnchor(
  genesis: Genesis,
  { checkpoint, header: headerBytes, voters }: Anchor,
  verifier: Verifier,
): LightState {
  const network = networkOf(genesis);
  if ('signatures' in checkpoint) {
    checkCheckpoint(checkpoint, genesis, verifier);
  }
  const recovery = 'signatures' in checkpoint && checkpoint.kind === 'recovery' ? checkpoint : null;
  const { header, id } = readHeader(headerBytes, network);
  if (!equalBytes(id, checkpoint.blockId)) refuseAnchor('the header is of another block');
  if (header.slot > checkpoint.slot) refuseAnchor("its slot is before its block's");
  if ('signatures' in checkpoint) {
    const same =
      equalBytes(header.stateRoot, checkpoint.stateRoot) &&
      (recovery !== null || equalBytes(header.committeeRoot, checkpoint.committeeRoot));
    if (!same) refuseAnchor("its roots are not its block's");
  }
  if (recovery && !equalBytes(header.root.id, recovery.replaces))
    refuseAnchor('it replaces another era than stood there');
  const committeeRoot = recovery?.committeeRoot ?? header.committeeRoot;
  if (!equalBytes(votersRoot(voters), committeeRoot)) refuseAnchor("the voters are not its block's");
  const { slot } = checkpoint;
  return {
    network,
    era: { root: recovery ? { slot: header.slot, id } : header.root, voters },
    final: { slot, blockId: id, timeMs: timeOfSlot(slot, network), stateRoot: header.stateRoot },
  };
}

export class LightClient {
  #state: LightState;
  readonly #verifier: Verifier;

  private constructor(state: LightState, p: { nowMs: number; verifier: Verifier }) {
    this.#state = state;
    this.#verifier = p.verifier;
    this.#checkTrust(p.nowMs);
    const { final, network } = state;
    if (timeOfSlot(final.slot, network) > p.nowMs + maxAheadMs)
      throw lightFault('future', 'it begins ahead of the clock');
  }

  /**
   * Begin at genesis, or at a checkpoint where genesis is too long ago.
   * @param p.genesis - of the network that is meant: compare its chainId with the one from an offer or a card
   * @throws LedgerError LEDGER_TRUST_OLD, LEDGER_CHECKPOINT, LEDGER_LIGHT_REFUSED, LEDGER_BLOCK_…
   */
  static open(p: { genesis: Genesis; anchor?: Anchor; nowMs: number; verifier?: Verifier }): LightClient {
    const { genesis, anchor, nowMs, verifier = nobleVerifier } = p;
    const state = anchor ? stateOfAnchor(genesis, anchor, verifier) : stateOfGenesis(genesis);
    return new LightClient(state, { nowMs, verifier });
  }

  /** Go on from what `save` gave. @throws LedgerError LEDGER_LIGHT_UPDATE, LEDGER_TRUST_OLD */
  static load(saved: Uint8Array, p: { chainId: Uint8Array; nowMs: number; verifier?: Verifier }): LightClient {
    let fields: Saved;
    try {
      fields = decodeCanonical(saved, savedSchema, lightLimits.voterBytes + 1_024);
    } catch (cause) {
      if (!(cause instanceof CodedError)) throw cause;
      const detail = { code: 'LEDGER_LIGHT_UPDATE', reason: cause.message } as const;
      throw new LedgerError(detail, `no saved state of a light client: ${cause.message}`, { cause });
    }
    const [, chainId, genesisTimeMs, slotMs, stallSlots, trustMs, root, voters, slot, blockId, stateRoot] = fields;
    if (!equalBytes(chainId, p.chainId)) {
      throw new LedgerError({ code: 'LEDGER_BLOCK_CHAIN' }, 'the saved state is of another network');
    }
    const network = { chainId, genesisTimeMs, slotMs, stallSlots, trustMs };
    const final = { slot, blockId, timeMs: timeOfSlot(slot, network), stateRoot };
    return new LightClient(
      { network, era: { root, voters }, final },
      { nowMs: p.nowMs, verifier: p.verifier ?? nobleVerifier },
    );
  }

  save(): Uint8Array {
    const { network, era, final } = this.#state;
    const { chainId, genesisTimeMs, slotMs, stallSlots, trustMs } = network;
    const { slot, blockId, stateRoot } = final;
    const voters = [...era.voters];
    return encodeAs(savedSchema, [
      1,
      ...([chainId, genesisTimeMs, slotMs, stallSlots, trustMs] as const),
      era.root,
      voters,
      ...([slot, blockId, stateRoot] as const),
    ]);
  }

  get network(): LightNetwork {
    return this.#state.network;
  }

  /** Root of the era whose voters it holds: what to ask hand-overs from. */
  get root(): Checkpoint {
    return this.#state.era.root;
  }

  /** The newest final checkpoint seen. */
  get final(): LightFinal {
    return this.#state.final;
  }

  /**
   * Take an update, whole or not at all.
   * @returns the final checkpoint that it proves, which may be older than the newest known; null if it has none
   * @throws LedgerError LEDGER_TRUST_OLD, LEDGER_LIGHT_REFUSED, LEDGER_BLOCK_…; nothing is changed then
   */
  advance(update: LightUpdate, nowMs: number): LightFinal | null {
    this.#checkTrust(nowMs);
    const { network, final: known } = this.#state;
    const p = { network, nowMs, verifier: this.#verifier };
    let { era } = this.#state;
    let newest = known;
    for (const handOver of update.handOvers) {
      const next = nextEra(handOver, era, p);
      era = next.era;
      newest = newer(next.final, newest);
    }
    const proven = update.final && judgeFinal(update.final, era, p).final;
    if (proven) newest = newer(proven, newest);
    this.#state = { network, era, final: newest };
    return proven;
  }

  /**
   * Go on over the recovery that ended the era whose voters it holds. People vouch for it, so the network's genesis must
   * name keys for that; where it names none, only who is given the file by hand can begin at it (`open`).
   * @throws LedgerError LEDGER_CHECKPOINT, LEDGER_LIGHT_REFUSED, LEDGER_TRUST_OLD, LEDGER_BLOCK_…; nothing is changed then
   */
  recover(anchor: Anchor, p: { genesis: Genesis; nowMs: number }): LightFinal {
    const { checkpoint } = anchor;
    const { network, era, final: known } = this.#state;
    if (!equalBytes(p.genesis.chainId, network.chainId)) refuseAnchor('it is of another network');
    if (p.genesis.checkpointThreshold === 0) refuseAnchor('genesis names no keys for it');
    const isNext = 'replaces' in checkpoint && equalBytes(checkpoint.replaces, era.root.id);
    if (!isNext) refuseAnchor('it replaces another era than the one that is held');
    const state = stateOfAnchor(p.genesis, anchor, this.#verifier);
    const { final } = state;
    if (final.slot <= known.slot) throw lightFault('conflict', 'a final block that is known excludes it');
    if (timeOfSlot(final.slot, network) > p.nowMs + maxAheadMs)
      throw lightFault('future', 'it lies ahead of the clock');
    checkTrust(state, p.nowMs);
    this.#state = state;
    return final;
  }

  #checkTrust(nowMs: number): void {
    checkTrust(this.#state, nowMs);
  }
}

function checkTrust({ final, network }: LightState, nowMs: number): void {
  const ageMs = nowMs - timeOfSlot(final.slot, network);
  if (ageMs <= network.trustMs) return;
  const detail = { code: 'LEDGER_TRUST_OLD', ageMs, trustMs: network.trustMs } as const;
  const sentence = `the newest block that is trusted is ${Math.floor(ageMs / 86_400_000)} days old: give a checkpoint`;
  throw new LedgerError(detail, sentence);
}

/** The later of two final checkpoints. One slot has one final block: two are the end of what this ledger can promise. */
function newer(one: LightFinal, known: LightFinal): LightFinal {
  if (one.slot === known.slot && !equalBytes(one.blockId, known.blockId)) {
    throw lightFault('conflict', `two final blocks at slot ${one.slot}: ${toHex(one.blockId)} is the second`);
  }
  return one.slot > known.slot ? one : known;
}

function nextEra(
  handOver: HandOver,
  era: LightEra,
  p: { network: LightNetwork; nowMs: number; verifier: Verifier },
): { era: LightEra; final: LightFinal } {
  const { header, final } = judgeFinal(handOver, era, p);
  if (header.slot <= era.root.slot || !equalBytes(header.root.id, era.root.id)) {
    throw lightFault('era', "the block is not after its era's root");
  }
  const voters = handOver.voters.length > 0 ? handOver.voters : era.voters;
  if (!equalBytes(votersRoot(voters), header.committeeRoot)) {
    throw lightFault('voters', 'the voters are not those whom the header names');
  }
  return { era: { root: { slot: header.slot, id: final.blockId }, voters }, final };
}
