/**
 * Who votes in an era. Up to `seats` weighted sources all vote, each with its exact weight. Above that, `seats` seats
 * are drawn by systematic sampling, so that a source's seats differ from its share by less than one:
 *
 *   sources ordered by SHA-256("radpass/committee/1" ‖ 0x00 ‖ nonce ‖ sourceKey)
 *   offset o = ⌊first 16 bytes of SHA-256("radpass/offset/1" ‖ 0x00 ‖ nonce) · W / 2^128⌋
 *   seat j at ⌊(jW + o) / seats⌋ mod W on the line of cumulative weights in that order
 *
 * committeeRoot = RFC 6962 tree whose leaves are the canonical [nodeKey, weight] of the voters: by sourceKey; with
 * seats in draw order, weight = seats held. Bit i of a vote's bitmap is entry i.
 */
import { compareBytes, concatBytes, domainPrefix, encodeCanonical, sha256 } from '@radpass/core';
import { merkleRoot } from '../merkle.js';
import { pointOf, type StakeEntry } from './leader.js';
import type { StakeTable } from './stake.js';

export interface Committee {
  readonly voters: readonly StakeEntry[];
  readonly total: number;
  /** 32 bytes */
  readonly root: Uint8Array;
}

const committeePrefix = domainPrefix('committee');
const offsetPrefix = domainPrefix('offset');
/** A stake table has at most a million entries (chainTables.ts): with 32 bits before it a place still is an exact number. */
const placesOfOneFront = 2 ** 20;

function committeeOfVoters(voters: readonly StakeEntry[], total: number): Committee {
  const root = merkleRoot(voters.map(voter => encodeCanonical([voter.nodeKey, voter.weight])));
  return { voters, total, root };
}

/**
 * Sources in the order of the draw. There may be 16,000, so what is sorted are numbers, which the platform does fastest:
 * a rank's first 32 bits, then the source's place in the table. Ranks that begin alike stand side by side, and are then
 * put in order by all of their bytes.
 */
function inDrawOrder(entries: readonly StakeEntry[], nonce: Uint8Array): StakeEntry[] {
  const keyAt = committeePrefix.length + nonce.length;
  const preimage = concatBytes(committeePrefix, nonce, new Uint8Array(32));
  const rankOf = (entry: StakeEntry): Uint8Array => {
    preimage.set(entry.sourceKey, keyAt);
    return sha256(preimage);
  };
  const places = new Float64Array(entries.length);
  for (let i = 0; i < places.length; i++) {
    const rank = rankOf(entries[i]!);
    const front = rank[0]! * 0x1000000 + ((rank[1]! << 16) | (rank[2]! << 8) | rank[3]!);
    places[i] = front * placesOfOneFront + i;
  }
  places.sort();
  const ordered: StakeEntry[] = [];
  for (let i = 0; i < places.length; i++) ordered.push(entries[places[i]! % placesOfOneFront]!);
  const frontAt = (i: number): number => Math.floor(places[i]! / placesOfOneFront);
  for (let from = 0, to = 1; from < places.length; from = to++) {
    while (to < places.length && frontAt(to) === frontAt(from)) to++;
    if (to - from === 1) continue;
    const alike = ordered.slice(from, to).map(entry => ({ entry, rank: rankOf(entry) }));
    alike.sort((a, b) => compareBytes(a.rank, b.rank));
    ordered.splice(from, alike.length, ...alike.map(({ entry }) => entry));
  }
  return ordered;
}

function drawSeats(table: StakeTable, nonce: Uint8Array, seats: number): StakeEntry[] {
  const ordered = inDrawOrder(table.entries, nonce);
  const total = BigInt(table.total);
  const offset = BigInt(pointOf(sha256(offsetPrefix, nonce), table.total));
  // o < W, so every point lies below W and the points ascend: one walk along the line seats them all.
  const points = Array.from({ length: seats }, (_, j) => Number((BigInt(j) * total + offset) / BigInt(seats)));
  const voters: StakeEntry[] = [];
  let end = 0;
  let next = 0;
  for (const entry of ordered) {
    end += entry.weight;
    const first = next;
    while (next < points.length && points[next]! < end) next++;
    if (next > first) voters.push({ ...entry, weight: next - first });
  }
  return voters;
}

/**
 * The voters that a stake table and a nonce give.
 * @param seats - parameter of the network
 */
export function selectCommittee(table: StakeTable, nonce: Uint8Array, seats: number): Committee {
  if (table.entries.length <= seats) return committeeOfVoters(table.entries, table.total);
  return committeeOfVoters(drawSeats(table, nonce, seats), seats);
}
