/**
 * The two stores of a gateway on classic-level, a folder each. Every write is synced before it is acknowledged.
 *
 * Replays: key = signer (64 hex) + SHA-256 of the MessageID (64 hex), value = when it expires, decimal. All entries
 * are in memory, too (65,536 at most). Trust line: losing the folder reopens the door to requests of the last
 * minutes whose signers still hold a grant; so a gateway that lost it fills it again from its disclosure records.
 *
 * Disclosures: key "e" + seq in 16 hex digits = the entry's bytes; "h" = canonical [seq, hash] of the last one,
 * written in the same batch. Trust line: see disclosureStore.ts.
 */
import {
  bytes,
  decodeCanonical,
  encodeCanonical,
  parsePublicKey,
  sha256,
  toHex,
  tuple,
  uint,
  utf8,
} from '@radpass/core';
import { ClassicLevel } from 'classic-level';
import type { DisclosureLog } from '../disclosureStore.js';
import { XdsError } from '../errors.js';
import { ReplayIndex, type ReplayStore } from '../replayGuard.js';

const synced = { sync: true };

/** What stands for a MessageID in the store: of one length, whatever was sent. */
const messageName = (messageId: string): string => toHex(sha256(utf8(messageId)));

/**
 * Open or make a replay store in a folder of its own.
 * @throws XdsError XDS_STORE {store: 'replays'} when the folder can't be opened (in use, unreadable, damaged)
 */
export async function openReplayStore(folder: string): Promise<ReplayStore & { close(): Promise<void> }> {
  const db = await openLevel<string>(folder, 'replays', 'utf8');
  const index = new ReplayIndex();
  for await (const [key, expires] of db.iterator()) {
    index.insert(parsePublicKey(key.slice(0, 64)), key.slice(64), Number(expires));
  }
  return {
    async has(signer, messageId) {
      return index.has(signer, messageName(messageId));
    },
    async insert(signer, messageId, expires) {
      const name = messageName(messageId);
      // The index answers before the disk does: a second insert meanwhile sees the first. If the write
      // fails the message stays seen here, and whether a restart knows it is unknown.
      const answer = index.insert(signer, name, expires);
      if (answer === 'new') await db.put(toHex(signer) + name, String(expires), synced);
      return answer;
    },
    async sweep(now) {
      const gone = index.sweep(now);
      if (gone.length === 0) return;
      await db.batch(
        gone.map(({ signer, messageId }) => ({ type: 'del', key: signer + messageId })),
        synced,
      );
    },
    close: () => db.close(),
  };
}

const headSchema = tuple(uint(), bytes(32));
const entryKey = (seq: number): string => `e${seq.toString(16).padStart(16, '0')}`;

/**
 * Open or make a disclosure log in a folder of its own.
 * @throws XdsError XDS_STORE {store: 'disclosures'}
 */
export async function openDisclosureLog(folder: string): Promise<DisclosureLog & { close(): Promise<void> }> {
  const db = await openLevel<Uint8Array>(folder, 'disclosures', 'view');
  return {
    async head() {
      const value = await db.get('h');
      if (value === undefined) return null;
      const [seq, hash] = decodeCanonical(value, headSchema);
      return { seq, hash };
    },
    async put(entries, head) {
      await db.batch(
        [
          ...entries.map(entry => ({ type: 'put' as const, key: entryKey(entry.seq), value: entry.bytes })),
          { type: 'put' as const, key: 'h', value: encodeCanonical([head.seq, head.hash]) },
        ],
        synced,
      );
    },
    async *entries(after = 0) {
      for await (const [key, value] of db.iterator({ gt: entryKey(after), lt: 'f' })) {
        yield { seq: Number.parseInt(key.slice(1), 16), bytes: new Uint8Array(value) };
      }
    },
    close: () => db.close(),
  };
}

async function openLevel<V>(
  folder: string,
  store: 'replays' | 'disclosures',
  valueEncoding: 'utf8' | 'view',
): Promise<ClassicLevel<string, V>> {
  const db = new ClassicLevel<string, V>(folder, { keyEncoding: 'utf8', valueEncoding });
  try {
    await db.open();
  } catch (cause) {
    throw new XdsError({ code: 'XDS_STORE', store }, `the store of ${store} can't be opened`, { cause });
  }
  return db;
}
