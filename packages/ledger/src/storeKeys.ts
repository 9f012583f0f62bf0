/**
 * Every kind of record that a store holds: the first character of its key, its layout, and what its loss means.
 *
 * Keys are latin1 text, one character a byte, ordered bytewise; heights are 8 bytes big-endian.
 *
 *   L, N   flat state at the newest final block (stateTree)   rebuilt from the blocks
 *   A epoch                  audit rows of a closed epoch whose root is in the state     rebuilt from the blocks
 *   B id                     block without its votes' signatures (keptBlocks.ts)        fetched again from peers
 *   S id                     those signatures, until they are pruned                    fetched again from peers
 *   C id                     changes of a block not yet final recomputed from the block
 *   K target slot, message's hash   a certificate that a block to come may carry        rebuilt from the blocks
 *   H height                 final chain: [id, parent, slot, producer, number of transactions]   recomputed
 *   U height                 old values under a final block   lost: evidence about its children can't be judged
 *   T transaction id         [height, position] in the final chain                      recomputed
 *   V root id                era that a final block roots: [depth, slot, voters]         recomputed
 *   O root id                how the era of this root ended (light/handOvers.ts)   taken again from the blocks
 *   s g p r                  lists by prefix at the final state, values empty           recomputed
 *   W transaction id         sent in by the API, not final: [received ms, bytes]        lost: the sender sends again
 *   R source study patient requester   greatest revocation ever seen: [seq, bytes]      lost: those in blocks come again
 *   E kind source slot       evidence that no final block records         lost: this node accuses nobody of it; others may
 *   M name                   single records: format, genesis, head, final, counts, boot, rebuild
 *
 * W, R and E are nobody else's to give back (ownRecords.ts); everything else is made again of blocks, which peers have.
 */
import { latin1, u64be } from '@radpass/core';

/** 2: signatures of votes beside their blocks, and pruned. 3: no pages in changes and undo records. 4: a record for each certificate. */
export const storeFormat = 4;

export const storeKeys = {
  leaf: 'L',
  node: 'N',
  auditRows: 'A',
  audit: (epoch: number): string => `A${latin1(u64be(epoch))}`,
  block: (id: Uint8Array): string => `B${latin1(id)}`,
  witness: (id: Uint8Array): string => `S${latin1(id)}`,
  changes: (id: Uint8Array): string => `C${latin1(id)}`,
  certificates: 'K',
  certificate: (targetSlot: number, messageHash: Uint8Array): string => `K${latin1(u64be(targetSlot), messageHash)}`,
  height: (height: number): string => `H${latin1(u64be(height))}`,
  undo: (height: number): string => `U${latin1(u64be(height))}`,
  era: (rootId: Uint8Array): string => `V${latin1(rootId)}`,
  handOvers: 'O',
  handOver: (endedRootId: Uint8Array): string => `O${latin1(endedRootId)}`,
  transaction: (id: Uint8Array): string => `T${latin1(id)}`,
  // Lists by prefix are made of the parts of keys of the state, texts already.
  studyByHash: (studyHash: string, sourceKey: string): string => `s${studyHash}${sourceKey}`,
  studyByPatient: (patientKey: string, sourceKey: string, studyHash: string): string =>
    `p${patientKey}${sourceKey}${studyHash}`,
  grantByHash: (studyHash: string, sourceKey: string, patientKey: string, requesterKey: string): string =>
    `g${studyHash}${sourceKey}${patientKey}${requesterKey}`,
  grantByRequester: (requesterKey: string, sourceKey: string, studyHash: string, patientKey: string): string =>
    `r${requesterKey}${sourceKey}${studyHash}${patientKey}`,
  waiting: (id: Uint8Array): string => `W${latin1(id)}`,
  /** `requesterKey` empty: everyone. */
  revocation: (
    sourceKey: Uint8Array,
    studyHash: Uint8Array,
    patientKey: Uint8Array,
    requesterKey: Uint8Array,
  ): string => `R${latin1(sourceKey, studyHash, patientKey, requesterKey)}`,
  evidence: (kind: Uint8Array, sourceKey: Uint8Array, slot: Uint8Array): string => `E${latin1(kind, sourceKey, slot)}`,
  meta: (name: MetaName): string => `M${name}`,
} as const;

export type MetaName = 'format' | 'genesis' | 'head' | 'final' | 'counts' | 'boot' | 'rebuild';

/** The kinds that a rebuild from the blocks writes anew. */
export const derivedPrefixes = ['L', 'N', 'A', 'C', 'K', 'H', 'U', 'T', 'V', 's', 'g', 'p', 'r'] as const;

/** The first key after all keys that begin with `prefix`. */
export function afterPrefix(prefix: string): string {
  const bytes = prefix.replace(/\xff+$/, '');
  if (bytes === '') throw new RangeError('a prefix of 0xff bytes only has no end');
  return bytes.slice(0, -1) + String.fromCharCode(bytes.charCodeAt(bytes.length - 1) + 1);
}
