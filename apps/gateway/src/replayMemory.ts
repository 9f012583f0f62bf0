/**
 * A gateway that lost its replay store would serve the requests of the last minutes once more. What it served is in its
 * disclosure records, too: from them the store is made again.
 */
import { parsePublicKey } from '@radpass/core';
import { type DisclosureStore, maxLifetimeMs, type ReplayStore } from '@radpass/xds';

/** Longest that a served message could still be found fresh: its lifetime, the skew at both ends, a stale view. */
const memoryMs = maxLifetimeMs + 2 * 60_000 + 65_000;

/** @param p.now - Unix ms. @returns how many requests were remembered */
export async function rememberServed(p: {
  disclosures: Pick<DisclosureStore, 'all'>;
  replay: ReplayStore;
  now: number;
}): Promise<number> {
  let remembered = 0;
  for await (const { body } of p.disclosures.all()) {
    if (body.kind !== 'served' || body.time < p.now - memoryMs) continue;
    await p.replay.insert(parsePublicKey(body.requester), body.messageId, body.time + memoryMs);
    remembered++;
  }
  return remembered;
}
