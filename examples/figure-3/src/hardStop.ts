/** Another source's node is killed hard: finality goes on with three of four, and the node comes back. */
import type { Cast, Granted } from './cast.js';
import { sleep } from './cutOff.js';
import { unexpected } from './failure.js';
import { retrieveAgain } from './transfer.js';

const pollMs = 100;
const catchUpTimeoutMs = 20_000;

/**
 * @param allow - posts a grant and waits until it is final on the nodes that are left
 */
export async function killAndRestart(
  cast: Cast,
  p: { allow: () => Promise<Granted>; documentSha256: string },
): Promise<Granted> {
  const { narrator, stage } = cast;
  const [witness, , victim] = stage.others;
  narrator.title('A node that dies');
  await victim.node.kill();
  const { finalHeight } = await witness.api.status();
  narrator.say(
    `the node of ${victim.name} was killed (SIGKILL) at final height ${finalHeight}; the patient allows again`,
  );
  const granted = await p.allow();
  const now = (await witness.api.status()).finalHeight;
  if (now <= finalHeight) throw unexpected('killed node', `finality above ${finalHeight}`, String(now));
  const { documentSha256 } = p;
  await retrieveAgain(cast, granted, {
    step: 'grant while a node is dead',
    folder: 'received-one-dead',
    documentSha256,
  });
  narrator.say(`finality went on to height ${now}, and the new grant was served`);

  const startedAt = performance.now();
  victim.node = await victim.startNode();
  const height = await untilLevel(cast);
  narrator.say(`the node of ${victim.name} is back and level at final height ${height}`);
  narrator.note(`${((performance.now() - startedAt) / 1000).toFixed(1)} s after it was started`);
  return granted;
}

async function untilLevel(cast: Cast): Promise<number> {
  const [witness, , victim] = cast.stage.others;
  const wanted = (await witness.api.status()).finalHeight;
  const deadline = Date.now() + catchUpTimeoutMs;
  for (;;) {
    const { finalHeight } = await victim.api.status();
    if (finalHeight >= wanted) return finalHeight;
    if (Date.now() > deadline) throw unexpected('restarted node', `final height ${wanted}`, String(finalHeight));
    await sleep(pollMs);
  }
}
