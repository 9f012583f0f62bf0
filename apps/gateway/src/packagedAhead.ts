/**
 * The digest of a study's document is made when a grant becomes confirmed, so that the first byte
 * isn't late. Only a head start: what is missed here is made at the first request.
 */
import { followEvents, type NodeApi, type NodeEvent, orNull } from '@radpass/client';
import { codeOf, equalBytes, fromHex, type PublicKey, parseTransaction, toHex } from '@radpass/core';
import type { Log } from './runtime.js';
import type { Studies } from './studies.js';

const maxAwaited = 256;
const maxQueued = 1024;

/** Whether `hour` (0 to 23) lies in [from, to), which may go over midnight; all hours where the two are equal. */
export function isWithinHours([from, to]: readonly [number, number], hour: number): boolean {
  if (from === to) return true;
  return from < to ? from <= hour && hour < to : from <= hour || hour < to;
}

/**
 * `isTime`: whether the archive may be read ahead now; grants that are confirmed at other times wait, and a request
 * waits for nothing.
 * @returns a function that stops it, and resolves when nothing is under way
 */
export function packageAhead(p: {
  node: NodeApi;
  sourceKey: PublicKey;
  studies: Pick<Studies, 'byHash' | 'document'>;
  log: Log;
  isTime?: () => boolean;
}): () => Promise<void> {
  /** Grants on studies of ours that wait for their block: transaction id -> study hash. */
  const awaited = new Map<string, string>();
  /** Hashes of studies whose grant is confirmed, until it is time. */
  const postponed = new Set<string>();
  const isTime = p.isTime ?? (() => true);
  let stopped = false;
  let last = Promise.resolve();
  let queued = 0;

  async function notice(id: Uint8Array): Promise<void> {
    const entry = await orNull(p.node.transaction(id));
    if (!entry) return;
    const { tuple } = parseTransaction(entry.transaction);
    if (tuple.type !== 3 || !equalBytes(tuple.sourceKey, p.sourceKey)) return;
    if (awaited.size < maxAwaited) awaited.set(toHex(id), toHex(tuple.studyHash));
  }

  async function look(): Promise<void> {
    for (const [id, studyHash] of awaited) {
      const grade = (await orNull(p.node.transaction(fromHex(id))))?.grade ?? 'dropped';
      if (grade === 'pending' || grade === 'included') continue;
      awaited.delete(id);
      if (grade !== 'dropped' && postponed.size < maxAwaited) postponed.add(studyHash);
    }
    for (const studyHash of postponed) {
      if (stopped || !isTime()) return;
      postponed.delete(studyHash);
      const record = await p.studies.byHash(studyHash);
      if (record) await p.studies.document(record);
    }
  }

  async function handle(event: NodeEvent): Promise<void> {
    if (stopped) return;
    if (event.kind === 'transaction') await notice(event.id);
    else if (event.kind === 'head' || event.kind === 'final') await look();
  }

  const stop = followEvents(p.node, 0, event => {
    if (queued >= maxQueued) return;
    queued++;
    last = last
      .then(() => handle(event))
      .catch((error: unknown) => p.log('packaging-ahead-failed', { reason: codeOf(error) }))
      .finally(() => queued--);
  });
  return async () => {
    stopped = true;
    stop();
    await last;
  };
}
