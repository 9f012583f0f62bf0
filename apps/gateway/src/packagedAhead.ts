/**
 * The digest of a study's document is made when a grant becomes confirmed, so that the first byte
 * isn't late. Only a head start: what is missed here is made at the first request.
 */
import { followEvents, type NodeApi, type NodeEvent, orNull } from '@radpass/client';
import { equalBytes, fromHex, type PublicKey, parseTransaction, toHex } from '@radpass/core';
import { codeOf } from './errors.js';
import type { Log } from './runtime.js';
import type { Studies } from './studies.js';

const maxAwaited = 256;
const maxQueued = 1024;

/** @returns a function that stops it, and resolves when nothing is under way */
export function packageAhead(p: {
  node: NodeApi;
  sourceKey: PublicKey;
  studies: Pick<Studies, 'byHash' | 'document'>;
  log: Log;
}): () => Promise<void> {
  /** Grants on studies of ours that wait for their block: transaction id -> study hash. */
  const awaited = new Map<string, string>();
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
      const record = grade === 'dropped' ? null : await p.studies.byHash(studyHash);
      if (record && !stopped) await p.studies.document(record);
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
