/**
 * Blocks as a store keeps them: the block without its votes' signatures for ever, and those signatures, its witness, in a
 * record beside it until they are pruned.
 *
 *   B id   pruned block (block.ts)
 *   S id   [[signature …] …] of each certificate, then of each vote set: none for a block without votes
 *
 * A witness is pruned once its final block lies `undoSlots` behind the newest final one, as far as evidence about a block
 * reaches. What stays for ever are the witnesses of the blocks whose certificates take the recorded final checkpoint over an
 * epoch's end, or hand over to the next era: a newcomer checks those quorums, and by their hashes all that lies below them
 * (docs/decisions/0016-one-witness-an-epoch.md).
 */
import { bytes, CodedError, decodeCanonical, encodeAs, encodeCanonical, equalBytes, list } from '@radpass/core';
import {
  type Block,
  type Body,
  blockLimits,
  encodeBlock,
  encodeBody,
  type Header,
  parseBlock,
  parseKeptBlock,
} from './block.js';
import { epochOf, type Params } from './consensus/params.js';
import { maxVoters, type VoteSet } from './consensus/votes.js';
import { LedgerError } from './errors.js';
import { damaged, type StoreWrite } from './store.js';
import { storeKeys } from './storeKeys.js';

/** Half of what their givers wait for: clocks differ. */
const leastPrunedSlots = 32;

type Get = (key: string) => Uint8Array | undefined;

const witnessSchema = list(list(bytes(64), maxVoters), blockLimits.certificates + blockLimits.voteSets);

/** Many nodes of one process keep the same block: its records are made once, and read as the block that they were made of. */
const made = new WeakMap<Block, readonly Uint8Array[]>();
const madeOf = new WeakMap<Uint8Array, Block>();

function recordsOf(block: Block): readonly Uint8Array[] {
  const known = made.get(block);
  if (known) return known;
  const { certificates, voteSets } = block.body;
  const sets = [...certificates, ...voteSets];
  const records =
    block.pruned || sets.length === 0
      ? [block.bytes]
      : [
          encodeCanonical([block.headerBytes, block.signature, encodeBody(withSignatures(block.body, () => []))]),
          encodeAs(
            witnessSchema,
            sets.map(({ signatures }) => [...signatures]),
          ),
        ];
  made.set(block, records);
  if (records.length > 1) madeOf.set(records[0]!, block);
  return records;
}

function withSignatures(body: Body, of: (index: number) => readonly Uint8Array[]): Body {
  const { certificates, voteSets } = body;
  const replaced = (sets: readonly VoteSet[], first: number): VoteSet[] =>
    sets.map((set, i) => ({ ...set, signatures: of(first + i) }));
  return {
    ...body,
    certificates: replaced(certificates, 0),
    voteSets: replaced(voteSets, certificates.length),
  };
}

/** What to write for a block, whole or pruned. */
export function blockWrites(block: Block): StoreWrite[] {
  const [pruned, witness] = recordsOf(block);
  const writes: StoreWrite[] = [[storeKeys.block(block.id), pruned!]];
  if (witness) writes.push([storeKeys.witness(block.id), witness]);
  return writes;
}

export function blockRemovals(id: Uint8Array): StoreWrite[] {
  return [
    [storeKeys.block(id), null],
    [storeKeys.witness(id), null],
  ];
}

/**
 * A block from the store, whole if its witness is there; null if the store has none of this id.
 * @throws LedgerError LEDGER_STORE_DAMAGED, LEDGER_BLOCK_…
 */
export function readKeptBlock(get: Get, id: Uint8Array): Block | null {
  const stored = get(storeKeys.block(id));
  if (!stored) return null;
  const witness = get(storeKeys.witness(id));
  const known = witness && madeOf.get(stored);
  if (known) return known;
  const block = parseKeptBlock(stored);
  if (!witness || !block.pruned) return block;
  const signatures = decodeWitness(witness);
  const { header, signature } = block;
  const body = withSignatures(block.body, index => signatures[index] ?? []);
  return parseBlock(encodeBlock({ header, signature, body }).bytes);
}

/** Its bytes, as others are given them. */
export function keptBlockBytes(get: Get, id: Uint8Array): Uint8Array | null {
  const stored = get(storeKeys.block(id));
  if (!stored) return null;
  return get(storeKeys.witness(id)) ? readKeptBlock(get, id)!.bytes : stored;
}

function decodeWitness(stored: Uint8Array): Uint8Array[][] {
  try {
    return decodeCanonical(stored, witnessSchema);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    throw damaged('the signatures of a block are unreadable', {}, error);
  }
}

/**
 * Why a pruned block is not taken from a peer: it is too young to be pruned, or one of those that never are, without which a
 * newcomer would have to hold blocks without end that nothing shows to be final.
 * @param p.clockSlot - by the own clock
 */
export function prunedFault(
  { header, pruned }: Block,
  p: { parent: { readonly header: Header | null }; clockSlot: number; params: Params },
): LedgerError | null {
  const { slot } = header;
  const isOld = slot + leastPrunedSlots < p.clockSlot;
  if (!pruned || (isOld && !keepsWitness(header, p.parent.header, p.params))) return null;
  return new LedgerError(
    { code: 'LEDGER_BLOCK_PRUNED', slot },
    `the block of slot ${slot} lacks its votes' signatures`,
  );
}

/** Whether a block's witness is kept for ever. @param parent - null: genesis */
export function keepsWitness(header: Header, parent: Header | null, params: Params): boolean {
  const before = parent ?? { root: { slot: 0, id: header.chainId }, finalized: { slot: 0 } };
  const handsOver = !equalBytes(header.root.id, before.root.id);
  return handsOver || epochOf(header.finalized.slot, params) > epochOf(before.finalized.slot, params);
}
