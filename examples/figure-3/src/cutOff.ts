/**
 * A gateway whose node is cut off. The node goes on making blocks of its own, so a fresh head proves nothing; the
 * gateway judges by the newest final checkpoint, which stands still, and stops serving.
 *
 * Leaders are public: the demo cuts just before a slot that H's node leads, and shows that the head grew.
 */
import { toHex } from '@radpass/core';
import type { Cast, Granted } from './cast.js';
import { unexpected } from './failure.js';
import { leads, setConnected, slotMs, slotTime } from './founding.js';
import { maxStalenessMs } from './hospital.js';
import { doctorKey } from './people.js';
import { mustRefuse, requestBy } from './refusals.js';
import { retrieveAgain } from './transfer.js';

/** Cut this long before the slot begins: the node has the block before, and nobody gets its own. */
const cutBeforeMs = 400;
const pollMs = 100;
const headTimeoutMs = 3 * slotMs;
const rejoinTimeoutMs = 30_000;
/** Beyond the bound, so that the refusal doesn't hang on a clock's rounding. */
const marginMs = 150;

export async function cutOffAndReconnect(cast: Cast, granted: Granted, documentSha256: string): Promise<void> {
  const { narrator, hospital, stage } = cast;
  const { source } = hospital;
  narrator.title('A hospital that is cut off');
  const slot = nextOwnSlot(cast);
  narrator.say(`H leads slot ${slot}, as anyone can compute; just before it, H's node is cut off from all its peers`);
  await sleepUntil(slotTime(stage.genesis, slot) - cutBeforeMs);
  await setConnected(source, false);
  const before = await source.api.status();
  const own = await ownBlock(cast, before.height);
  narrator.say(`H's node made block ${own} of its own; the other three never saw it`);
  narrator.note(`the gateway serves until its newest final checkpoint is ${maxStalenessMs / 1000} s old:`);
  narrator.note('policy.maxStalenessMs, set for this demo; 60 s by default');

  const stale = await untilStale(cast);
  narrator.say(
    `head of H's node: ${before.height} -> ${stale.height}; its final height stands at ${stale.finalHeight}`,
  );
  const key = await doctorKey(cast.doctor, granted.listed);
  await mustRefuse(cast, requestBy(cast, key, { studyHash: granted.listed.studyHash }), {
    name: 'cut-off',
    attempt: "the doctor's good request, while H can't see what the network knows",
    httpStatus: 200,
    code: 'XDSRepositoryError',
    auditReason: 'ledger-stale',
  });

  await setConnected(source, true);
  narrator.say("H's node joins its peers again");
  const finalHeight = await untilCaughtUp(cast);
  await retrieveAgain(cast, granted, { step: 'after the cut-off', folder: 'received-after-cut-off', documentSha256 });
  narrator.say(`finality is back at height ${finalHeight}; the same grant is served again`);
}

/** The next slot of H's that begins late enough to cut before it. */
function nextOwnSlot(cast: Cast): number {
  const { stage, hospital } = cast;
  let slot = Math.ceil((Date.now() + 2 * cutBeforeMs - stage.genesis.genesisTimeMs) / slotMs);
  while (!leads(stage.genesis, hospital.source, slot)) slot += 1;
  return slot;
}

/** Wait for a block above `height` on H's node; nobody else may have it. @returns its height */
async function ownBlock(cast: Cast, height: number): Promise<number> {
  const { api, sourceKey } = cast.hospital.source;
  const deadline = Date.now() + headTimeoutMs;
  for (;;) {
    const status = await api.status();
    if (status.height > height) {
      const block = await api.block(status.headId);
      if (block.producer && toHex(block.producer) === sourceKey) return block.height;
    }
    if (Date.now() > deadline) throw unexpected('cut-off', 'a block of its own by H', `height ${status.height}`);
    await sleep(pollMs);
  }
}

/** Wait until H's final checkpoint is older than the policy allows, while the others go on. */
async function untilStale(cast: Cast): Promise<{ height: number; finalHeight: number }> {
  const { hospital, stage } = cast;
  const status = await hospital.source.api.status();
  await sleepUntil(slotTime(stage.genesis, status.finalSlot) + maxStalenessMs + marginMs);
  const [own, elsewhere] = await Promise.all([hospital.source.api.status(), stage.others[0].api.status()]);
  if (own.finalHeight !== status.finalHeight) {
    throw unexpected('cut-off', `finality of H's node at ${status.finalHeight}`, String(own.finalHeight));
  }
  if (elsewhere.finalHeight <= own.finalHeight) {
    throw unexpected('cut-off', 'finality among the other three', `height ${elsewhere.finalHeight}`);
  }
  return own;
}

async function untilCaughtUp(cast: Cast): Promise<number> {
  const { hospital, stage } = cast;
  const deadline = Date.now() + rejoinTimeoutMs;
  const wanted = (await stage.others[0].api.status()).finalHeight;
  for (;;) {
    const status = await hospital.source.api.status();
    if (status.finalHeight >= wanted && status.finalAgeMs < maxStalenessMs / 2) return status.finalHeight;
    if (Date.now() > deadline) {
      throw unexpected('joining again', `final height ${wanted} at H's node`, String(status.finalHeight));
    }
    await sleep(pollMs);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

async function sleepUntil(time: number): Promise<void> {
  await sleep(Math.max(0, time - Date.now()));
}
