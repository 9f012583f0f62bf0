/**
 * Keeping disclosure records: a store chains and signs, over a log that only has to be durable.
 * Trust line: a lost log loses the proof that earlier disclosures were right, never the ability to serve;
 * a log whose end is missing or whose entries were changed is seen by `verify`.
 */
import type { PublicKey, SecretKey, Verifier } from '@radpass/core';
import { equalBytes, sha256 } from '@radpass/core';
import {
  checkDisclosure,
  createDisclosure,
  type DisclosureBody,
  type DisclosureClosing,
  type DisclosureEntry,
  type DisclosureKeys,
  type DisclosureRecord,
  firstPrevious,
  parseDisclosure,
  refuseEntry,
} from './disclosure.js';
import { XdsError } from './errors.js';

/** The records as the service uses them. */
export interface DisclosureStore {
  /** Chain, sign and make durable. @returns the entry's seq @throws XdsError XDS_DISCLOSURE_STORE */
  append(record: DisclosureRecord): Promise<number>;
  /** Note how the served entry `seq` ended. */
  close(seq: number, outcome: Omit<DisclosureClosing, 'kind' | 'of'>): Promise<void>;
  /** All entries, oldest first. @param after - only those with a greater seq */
  all(after?: number): AsyncIterable<DisclosureEntry>;
  /** Check every entry's form, seq, link and signature, and that the end is there; `firstBad` = seq of the first that fails. */
  verify(): Promise<{ records: number; firstBad?: number }>;
}

/** Where entries are kept: what an implementor of durable storage provides. */
export interface DisclosureLog {
  /** Seq and bytes of the last entry put, as the head record has it; null in a new log. */
  head(): Promise<{ seq: number; hash: Uint8Array } | null>;
  /** Add entries and the new head in one atomic, synced write. */
  put(entries: { seq: number; bytes: Uint8Array }[], head: { seq: number; hash: Uint8Array }): Promise<void>;
  /** All entries by seq. @param after - only those with a greater one */
  entries(after?: number): AsyncIterable<{ seq: number; bytes: Uint8Array }>;
}

/** Check a whole log offline, exported or in place: how many entries hold, and the first that doesn't. */
export async function verifyDisclosures(
  log: DisclosureLog,
  keys: DisclosureKeys,
): Promise<{ records: number; firstBad?: number }> {
  let at = { seq: 1, previous: firstPrevious };
  for await (const { seq, bytes: entry } of log.entries()) {
    try {
      if (seq !== at.seq) refuseEntry(at.seq, 'seq');
      checkDisclosure(entry, at, keys);
    } catch {
      // Why it fails matters less than where: whatever can't be checked is the first bad entry.
      return { records: at.seq - 1, firstBad: at.seq };
    }
    at = { seq: at.seq + 1, previous: sha256(entry) };
  }
  const records = at.seq - 1;
  const head = await log.head();
  const whole = head === null ? records === 0 : head.seq === records && equalBytes(head.hash, at.previous);
  return whole ? { records } : { records, firstBad: at.seq };
}

interface Waiting {
  body: DisclosureBody;
  done: (seq: number) => void;
  failed: (error: unknown) => void;
}

/**
 * The store over a log. Entries are chained in the order of the calls; those that wait while a write is under
 * way go out together in one synced write. After a write failed, nothing is known about the log's end: every
 * later call is refused, and opening the store again reads what is there.
 */
export async function openDisclosureStore(init: {
  log: DisclosureLog;
  key: SecretKey;
  chainId: Uint8Array;
  verifier: Verifier;
  /** Earlier standing keys of the source, for `verify`. */
  formerKeys?: readonly PublicKey[];
}): Promise<DisclosureStore> {
  const { log, key, chainId, verifier } = init;
  const keys: DisclosureKeys = { chainId, verifier, signers: [key.publicKey, ...(init.formerKeys ?? [])] };
  let head = (await log.head()) ?? { seq: 0, hash: firstPrevious };
  let failure: unknown = null;
  let writing = false;
  let waiting: Waiting[] = [];

  function refuseAll(cause: unknown): void {
    failure = cause;
    for (const one of waiting) one.failed(storeFailed(cause));
    waiting = [];
  }

  async function write(): Promise<void> {
    writing = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      const chained: { seq: number; bytes: Uint8Array; one: Waiting }[] = [];
      for (const one of batch) {
        const seq = head.seq + 1;
        try {
          const entry = createDisclosure(key, chainId, { seq, previous: head.hash }, one.body);
          chained.push({ seq, bytes: entry, one });
          head = { seq, hash: sha256(entry) };
        } catch (cause) {
          one.failed(storeFailed(cause));
        }
      }
      try {
        if (chained.length > 0) {
          await log.put(
            chained.map(({ seq, bytes }) => ({ seq, bytes })),
            head,
          );
        }
      } catch (cause) {
        waiting = [...chained.map(({ one }) => one), ...waiting];
        refuseAll(cause);
        break;
      }
      for (const { seq, one } of chained) one.done(seq);
    }
    writing = false;
  }

  function add(body: DisclosureBody): Promise<number> {
    if (failure !== null) return Promise.reject(storeFailed(failure));
    return new Promise((done, failed) => {
      waiting.push({ body, done, failed });
      if (!writing) void write();
    });
  }

  return {
    append: add,
    async close(seq, outcome) {
      await add({ kind: 'closed', of: seq, ...outcome });
    },
    async *all(after) {
      for await (const { bytes: entry } of log.entries(after)) {
        const { seq, body } = parseDisclosure(entry);
        yield { seq, body };
      }
    },
    verify: () => verifyDisclosures(log, keys),
  };
}

function storeFailed(cause: unknown): XdsError {
  return new XdsError({ code: 'XDS_DISCLOSURE_STORE' }, 'the disclosure records could not be written', { cause });
}

/** A log that forgets everything when the process ends: for tests and simulators. */
export function memoryDisclosureLog(): DisclosureLog & { rows: Map<number, Uint8Array> } {
  const rows = new Map<number, Uint8Array>();
  let last: { seq: number; hash: Uint8Array } | null = null;
  return {
    rows,
    async head() {
      return last;
    },
    async put(entries, head) {
      for (const { seq, bytes: entry } of entries) rows.set(seq, entry);
      last = head;
    },
    async *entries(after = 0) {
      const wanted = [...rows.keys()].filter(seq => seq > after);
      for (const seq of wanted.sort((a, b) => a - b)) yield { seq, bytes: rows.get(seq)! };
    },
  };
}
