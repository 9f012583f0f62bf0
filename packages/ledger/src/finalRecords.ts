/** What the store keeps of final blocks: which one stands at a height, its header, and the voters of the eras they root. */
import { type Header, parseFrame } from './block.js';
import type { StakeEntry } from './consensus/leader.js';
import { type EraVoters, eraRecord, type HeightRecord, heightRecord } from './records.js';
import { damaged } from './store.js';
import { storeKeys } from './storeKeys.js';

/** Heights whose records are held in memory, those that were read last. */
const heightsHeld = 256;

export class FinalRecords {
  readonly #get: (key: string) => Uint8Array | undefined;
  readonly #held = new Map<number, HeightRecord>();

  /** @param get - reads a record of the store */
  constructor(get: (key: string) => Uint8Array | undefined) {
    this.#get = get;
  }

  /** What is recorded of a final block. @throws LedgerError LEDGER_STORE_DAMAGED */
  at(height: number): HeightRecord {
    const record = this.listed(height);
    if (!record) throw damaged(`final block ${height} is not listed`, { height });
    return record;
  }

  /** The same, or nothing for a height that the store does not list: above the final block, or below where it began. */
  listed(height: number): HeightRecord | undefined {
    const held = this.#held.get(height);
    if (held) return held;
    const stored = this.#get(storeKeys.height(height));
    if (!stored) return undefined;
    const record = heightRecord.decode(stored);
    if (this.#held.size >= heightsHeld) this.#held.delete(this.#held.keys().next().value!);
    this.#held.set(height, record);
    return record;
  }

  /** Header of a block on disk; null for genesis. */
  header(id: Uint8Array): Header | null {
    const stored = this.#get(storeKeys.block(id));
    return stored ? parseFrame(stored).header : null;
  }

  /** An era whose root is final, as it was kept; null for an unknown root. */
  era(rootId: Uint8Array): EraVoters | null {
    const stored = this.#get(storeKeys.era(rootId));
    return stored ? eraRecord.decode(stored) : null;
  }

  /** Its voters, by the bits of its votes; none for an unknown root. */
  votersOf(rootId: Uint8Array): readonly StakeEntry[] {
    return this.era(rootId)?.voters ?? [];
  }
}
