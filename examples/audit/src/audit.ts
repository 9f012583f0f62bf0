/**
 * The audit of a chain, from genesis and its final blocks alone, as docs/audit.md, consensus.md and protocol-consensus.md
 * describe it. Shares no code with the ledger: two programs that agree byte for byte are the proof that the pages say enough.
 * That the blocks are valid and final is whoever hands them over's to show; signatures are not looked at.
 */
import {
  decode,
  encode,
  fromHex,
  hash,
  hex,
  merkleRoot,
  pointOf,
  prefix,
  u64be,
  type Value,
  vrfOutput,
} from './bytes.js';
import { type Founder, type Source, stakeWeights } from './stake.js';

/** [sourceKey, nodeKey, weight], keys in hex, by sourceKey. */
type Entry = readonly [source: string, node: string, weight: number];

/** Voters by position with their seats; `id` is the committeeRoot. */
interface Committee {
  readonly id: string;
  readonly voters: readonly { source: string; seats: number }[];
}

/** A slot in which votes were due. */
interface Due {
  readonly committee: Committee;
  readonly onTime: Set<number>;
  readonly late: Set<number>;
}

export interface EpochAudit {
  readonly epoch: number;
  /** 32 bytes */
  readonly root: Uint8Array;
  /** Canonical rows, by sourceKey. */
  readonly rows: readonly Uint8Array[];
}

const columns = 13;
const [WEIGHT, ASSIGNED, PRODUCED, ORPHANED, MISSED, SEATS, DUE, CAST, LATE, DOUBLE_BLOCKS] = Array.from(
  { length: columns },
  (_, i) => i,
) as [number, number, number, number, number, number, number, number, number, number];

const bytesOf = (value: Value | undefined): Uint8Array => value as Uint8Array;
const listOf = (value: Value | undefined): Value[] => value as Value[];
const numberOf = (value: Value | undefined): number => value as number;
const totalOf = (table: readonly Entry[]): number => table.reduce((sum, [, , weight]) => sum + weight, 0);

export class ChainAudit {
  readonly audits: EpochAudit[] = [];
  readonly #params: Record<
    'slotMs' | 'perEpoch' | 'seats' | 'window' | 'jail' | 'duties' | 'epochs' | 'growth' | 'over',
    number
  >;
  readonly #genesisTime: number;
  readonly #policy: string;
  readonly #founders: Founder[];
  readonly #sources = new Map<string, Source>();
  /** Who used a node key first. */
  readonly #nodeKeys = new Map<string, string>();
  readonly #accreditations = new Map<string, { source: string; until: number; studies: number }>();
  readonly #tables = new Map<number, readonly Entry[]>();
  readonly #nonces = new Map<number, Uint8Array>();
  readonly #snapshots = new Map<number, { height: number; table: readonly Entry[] }>();
  readonly #due = new Map<number, Due>();
  /** Slots with a block, by epoch, and what evidence in its blocks accuses of. */
  readonly #blocks = new Map<number, Set<number>>();
  readonly #offences = new Map<number, { source: string; kind: number }[]>();
  readonly #doubleBlocks = new Set<string>();
  readonly #heights = new Map<string, number>();
  #outputs: Uint8Array[] = [];
  #lastTotal = 0;
  #epoch = 0;
  #slot = 0;
  #height = 0;
  #finalHeight = 0;
  #root: { id: string; committee: Committee };

  constructor(genesis: Uint8Array) {
    const g = listOf(decode(genesis));
    const p = g.slice(2, -7) as number[];
    this.#genesisTime = numberOf(g[1]);
    const [duties, epochs, growth, over] = p.slice(-5, -1) as [number, number, number, number];
    this.#params = {
      ...{ slotMs: p[0]!, perEpoch: p[1]!, seats: p[2]!, window: p[5]!, jail: p.at(-6)! },
      ...{ duties, epochs, growth, over },
    };
    const [policy, founders] = g.slice(-7) as [string, [Uint8Array, Uint8Array, string, number][]];
    this.#policy = policy;
    this.#founders = founders.map(([key, , , weight]) => ({ key: hex(key), weight }));
    for (const [key, node] of founders) this.#define(hex(key), hex(node), true);
    const chainId = hash(prefix('genesis'), genesis);
    this.#heights.set(hex(chainId), 0);
    this.#nonces.set(0, hash(prefix('nonce'), chainId));
    this.#nonces.set(1, hash(prefix('nonce'), this.#nonce(0), u64be(1)));
    const table = this.#snapshot(0, 0);
    for (const epoch of [0, 1, 2]) this.#tables.set(epoch, table);
    this.#root = { id: hex(chainId), committee: this.#committee(table, 0) };
  }

  /** Take the next block of the final chain. */
  add(block: Uint8Array): void {
    const [headerBytes, , bodyBytes] = listOf(decode(block)) as [Uint8Array, Uint8Array, Uint8Array];
    const header = listOf(decode(headerBytes));
    const [evidence, certificates, voteSets, transactions] = listOf(decode(bodyBytes)) as [
      Value[],
      Value[],
      Value[],
      Value[],
    ];
    const slot = numberOf(header[2]);
    const epoch = this.#epochOf(slot);
    if (numberOf(header[3]) !== this.#height + 1) throw new RangeError(`block ${this.#height + 1} is missing`);
    const [rootSlot, rootId] = listOf(header[13]) as [number, Uint8Array];
    const next = hex(rootId) === this.#root.id ? null : { id: hex(rootId), epoch: this.#epochOf(rootSlot) };
    const restart = next && !this.#handsOver(certificates) ? this.#weigh(this.#epoch, 0).table : null;
    this.#enter(epoch);
    if (restart) this.#standAhead(restart);
    this.#outputs.push(vrfOutput(bytesOf(header[6])));
    this.#blocks.set(epoch, (this.#blocks.get(epoch) ?? new Set()).add(slot));
    for (const record of evidence) this.#accuse(listOf(decode(bytesOf(record))), epoch);
    if (next) {
      const table = restart ?? this.#tables.get(next.epoch)!;
      this.#root = { id: next.id, committee: this.#committee(table, next.epoch) };
    } else this.#credit(slot, [...certificates, ...voteSets]);
    for (const transaction of transactions) this.#apply(listOf(decode(bytesOf(transaction))));
    this.#slot = slot;
    this.#height++;
    this.#heights.set(hex(hash(headerBytes)), this.#height);
    this.#finalHeight = this.#heights.get(hex(bytesOf(listOf(header[15])[1])))!;
  }

  #epochOf(slot: number): number {
    return Math.floor(slot / this.#params.perEpoch);
  }

  #nonce(epoch: number): Uint8Array {
    return this.#nonces.get(epoch)!;
  }

  #define(key: string, node: string, open: boolean): void {
    const standing = this.#sources.get(key);
    const fresh: Source = { key, node, open, count: 0, capped: 0, missed: 0, epochs: 0, jailedUntil: 0 };
    this.#sources.set(key, { ...(standing ?? fresh), node, open, missed: 0, epochs: 0 });
    if (!this.#nodeKeys.has(node)) this.#nodeKeys.set(node, key);
  }

  #apply(tuple: Value[]): void {
    const source = (key: Value | undefined): Source => this.#sources.get(hex(bytesOf(key)))!;
    if (tuple[0] === 1) this.#define(hex(bytesOf(tuple[2])), hex(bytesOf(tuple[4])), tuple[3] !== '');
    if (tuple[0] === 2) source(listOf(tuple[2])[1]).count++;
    if (tuple[0] === 8) source(tuple[2]).count--;
    if (tuple[0] === 9) {
      const [payer, key] = [tuple[2], tuple[3]].map(part => hex(bytesOf(part))) as [string, string];
      const word = { source: key, until: numberOf(tuple[4]), studies: numberOf(tuple[5]) };
      this.#accreditations.set(`${payer}${key}`, word);
    }
  }

  /** Kinds 1 to 3 name the key that signed twice; kind 4 holds a block, whose header names its producer. */
  #accuse(record: Value[], epoch: number): void {
    const kind = numberOf(record[0]);
    const [accused] = kind === 4 ? listOf(decode(bytesOf(record[1]))) : [record[2]];
    const said = listOf(decode(bytesOf(accused)));
    const source = kind === 4 ? hex(bytesOf(said[5])) : this.#nodeKeys.get(hex(bytesOf(record[1])))!;
    if (kind === 1) this.#doubleBlocks.add(`${source} ${numberOf(said[2])}`);
    if (kind < 4) this.#sources.get(source)!.jailedUntil = epoch + this.#params.jail;
    this.#offences.set(epoch, [...(this.#offences.get(epoch) ?? []), { source, kind }]);
  }

  /** The work between epochs, for every epoch passed. */
  #enter(epoch: number): void {
    const last = this.#epoch;
    if (epoch === last) return;
    const table = this.#snapshot(last, epoch - last);
    const lag = 1 + Math.ceil(this.#params.window / this.#params.perEpoch);
    for (let m = last + 1; m <= epoch; m++) {
      this.#snapshots.set(m - 1, { height: this.#height, table });
      const outputs = m === last + 1 ? this.#outputs : [];
      this.#nonces.set(m + 1, hash(prefix('nonce'), this.#nonce(m), u64be(m + 1), ...outputs));
      if (m >= 2) {
        const snapshot = this.#snapshots.get(m - 2)!;
        const taken = snapshot.height <= this.#finalHeight && totalOf(snapshot.table) > 0;
        this.#tables.set(m + 1, taken ? snapshot.table : this.#tables.get(m)!);
      }
      this.#close(m - lag);
    }
    this.#outputs = [];
    this.#epoch = epoch;
  }

  /** A new root without a certificate of the standing era is a recovery's: people vouch for it. */
  #handsOver(certificates: Value[]): boolean {
    return certificates.some(set => hex(bytesOf(listOf(listOf(set)[0])[0])) === this.#root.id);
  }

  /** Right after a recovery the table of its voters stands for the waiting snapshot and every later epoch with a table. */
  #standAhead(table: readonly Entry[]): void {
    this.#snapshots.set(this.#epoch - 1, { height: this.#height, table });
    for (let epoch = this.#epoch + 1; this.#tables.has(epoch); epoch++) this.#tables.set(epoch, table);
  }

  /** The table at the end of `epoch`; what the policy remembers goes with it. */
  #snapshot(epoch: number, passed: number): readonly Entry[] {
    const { table, total, sources } = this.#weigh(epoch, passed);
    this.#lastTotal = total;
    for (const { key, capped } of sources) this.#sources.get(key)!.capped = capped;
    return table;
  }

  /** The table that the policy gives at the end of `epoch`. */
  #weigh(epoch: number, passed: number): { table: Entry[]; total: number; sources: Source[] } {
    const { slotMs, perEpoch, growth, over, duties, epochs } = this.#params;
    const time = this.#genesisTime + (epoch + passed) * perEpoch * slotMs;
    const sources = [...this.#sources.values()].map(source => ({ ...source }));
    sources.sort((a, b) => (a.key < b.key ? -1 : 1));
    const vouched = (key: string): number =>
      [...this.#accreditations.values()].reduce(
        (sum, word) => sum + (word.source === key && word.until > time ? word.studies : 0),
        0,
      );
    const terms = { policy: this.#policy, founders: this.#founders, lastTotal: this.#lastTotal, growth, over, vouched };
    const { weights, total } = stakeWeights(sources, { ...terms, elapsed: Math.max(1, passed) });
    const table = sources.flatMap((source, i): Entry[] => {
      const asleep = source.missed >= duties && source.epochs >= epochs;
      const counts = source.open && !asleep && epoch >= source.jailedUntil && weights[i]! > 0;
      return counts ? [[source.key, source.node, weights[i]!]] : [];
    });
    return { table, total, sources };
  }

  /** The voters of the era whose root is in `epoch`. */
  #committee(table: readonly Entry[], epoch: number): Committee {
    const { seats } = this.#params;
    const drawn = table.length > seats;
    const voters = drawn ? drawSeats(table, this.#nonce(epoch), seats) : table;
    const id = hex(merkleRoot(voters.map(([, node, weight]) => encode([fromHex(node), weight]))));
    return { id, voters: voters.map(([source, , weight]) => ({ source, seats: drawn ? weight : 1 })) };
  }

  #credit(slot: number, sets: Value[]): void {
    const { window } = this.#params;
    const { committee } = this.#root;
    const first = Math.max(1, this.#slot, slot - window);
    for (let due = first; due < slot; due++) {
      if (this.#blocks.has(this.#epochOf(due))) {
        this.#due.set(due, { committee, onTime: new Set(), late: new Set() });
      }
    }
    for (const set of sets) {
      const [message, bitmap] = listOf(set) as [Value[], Uint8Array];
      const due = this.#due.get(numberOf(message[3]));
      if (!due || due.committee.id !== committee.id || numberOf(message[3]) + window < slot) continue;
      const column = numberOf(message[3]) >= first ? due.onTime : due.late;
      due.committee.voters.forEach((_, i) => {
        const voted = ((bitmap[i >> 3]! >> (i & 7)) & 1) === 1;
        if (voted && !due.onTime.has(i) && !due.late.has(i)) column.add(i);
      });
    }
  }

  #close(epoch: number): void {
    const { perEpoch } = this.#params;
    const blocks = this.#blocks.get(epoch);
    if (!blocks) return;
    const rows = new Map<string, number[]>();
    const row = (key: string): number[] => {
      const found = rows.get(key) ?? new Array<number>(columns).fill(0);
      rows.set(key, found);
      return found;
    };
    const count = (key: string, column: number): void => {
      row(key)[column]! += 1;
    };
    const table = this.#tables.get(epoch)!;
    for (const [key, , weight] of table) row(key)[WEIGHT] = weight;
    for (let slot = Math.max(1, epoch * perEpoch); slot < (epoch + 1) * perEpoch; slot++) {
      const leader = leaderOf(table, this.#nonce(epoch), slot);
      const orphaned = this.#doubleBlocks.has(`${leader} ${slot}`);
      count(leader, ASSIGNED);
      count(leader, blocks.has(slot) ? PRODUCED : orphaned ? ORPHANED : MISSED);
      const due = this.#due.get(slot);
      due?.committee.voters.forEach(({ source, seats }, i) => {
        count(source, DUE);
        row(source)[SEATS] = Math.max(row(source)[SEATS]!, seats);
        if (due.onTime.has(i) || due.late.has(i)) count(source, CAST);
        if (due.late.has(i)) count(source, LATE);
      });
      this.#due.delete(slot);
    }
    for (const { source, kind } of this.#offences.get(epoch) ?? []) count(source, DOUBLE_BLOCKS - 1 + kind);
    const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
    const encoded = sorted.map(([key, numbers]) => encode([fromHex(key), ...numbers]));
    this.audits.push({ epoch, root: merkleRoot(encoded), rows: encoded });
    for (const [key, numbers] of sorted) this.#noteSilence(this.#sources.get(key)!, numbers);
  }

  /** Dormancy (docs/consensus.md): a sign ends the silence, unless the source sleeps already. */
  #noteSilence(source: Source, n: readonly number[]): void {
    const { duties, epochs } = this.#params;
    if (source.missed >= duties && source.epochs >= epochs) return;
    const done = n[PRODUCED]! + n[ORPHANED]! + n[CAST]!;
    const missed = n[MISSED]! + n[DUE]! - n[CAST]!;
    if (done > 0) Object.assign(source, { missed: 0, epochs: 0 });
    else if (missed > 0) {
      source.missed = Math.min(source.missed + missed, duties);
      source.epochs = Math.min(source.epochs + 1, epochs);
    }
  }
}

function leaderOf(table: readonly Entry[], nonce: Uint8Array, slot: number): string {
  let rest = pointOf(hash(prefix('leader'), nonce, u64be(slot)), totalOf(table));
  for (const [key, , weight] of table) {
    if (rest < weight) return key;
    rest -= weight;
  }
  throw new RangeError('a table without weight');
}

function drawSeats(table: readonly Entry[], nonce: Uint8Array, seats: number): Entry[] {
  const rank = ([key]: Entry): string => hex(hash(prefix('committee'), nonce, fromHex(key)));
  const ordered = table.map(entry => ({ entry, rank: rank(entry) })).sort((a, b) => (a.rank < b.rank ? -1 : 1));
  const total = totalOf(table);
  const offset = pointOf(hash(prefix('offset'), nonce), total);
  const voters: Entry[] = [];
  let end = 0;
  let next = 0;
  for (const { entry } of ordered) {
    end += entry[2];
    const first = next;
    while (next < seats && Number((BigInt(next) * BigInt(total) + BigInt(offset)) / BigInt(seats)) < end) next++;
    if (next > first) voters.push([entry[0], entry[1], next - first]);
  }
  return voters;
}
