/** Half of the weight is gone: people name a block by the folder of a stopped node, and the node goes on from it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { run, runJson, runRefused } from './commands.js';
import { TestNetwork, type TestNode } from './network.js';

let network: TestNetwork;
let left: TestNode;
let named: Record<string, unknown>;
const file = (): string => join(network.dir, 'recovery.json');

beforeAll(async () => {
  network = await TestNetwork.started({ founders: 2 });
  const [first, second] = network.nodes as [TestNode, TestNode];
  left = first;
  await network.agreed(2);
  await second.stop();
  const { height } = await left.status();
  for (let now = height; now < height + 3; now = (await left.status()).height) await delay(100);
  expect(await left.stop()).toBe(0);
  named = await runJson(['recovery', '--data-dir', left.dataDir, '--reason', 'it closed', '--out', file()]);
}, 120_000);
afterAll(() => network.close());

describe('radpass-node recovery', () => {
  it('names the newest block, and the era that it ends', () => {
    const written = JSON.parse(readFileSync(file(), 'utf8'));
    expect(written).toMatchObject({ kind: 'recovery', blockId: named.blockId, reason: 'it closed', signatures: [] });
    expect(written.replaces).toBe(written.chainId);
    // Nobody sleeps yet: whoever signs this sees that the one which is gone would vote, with half of the weight.
    const voters = named.voters as { sourceKey: string; weight: number }[];
    expect(voters.map(({ weight }) => weight)).toEqual([voters[0]!.weight, voters[0]!.weight]);
  });

  it('confirms what another said of a block, and refuses anything else', async () => {
    const again = join(network.dir, 'again.json');
    const sameAs = (path: string) => ['recovery', '--data-dir', left.dataDir, '--same-as', path, '--out', again];
    expect(await runJson(sameAs(file()))).toEqual(named);
    const lying = join(network.dir, 'lying.json');
    const written = JSON.parse(readFileSync(file(), 'utf8'));
    writeFileSync(lying, JSON.stringify({ ...written, committeeRoot: written.stateRoot }));
    expect(await runRefused(sameAs(lying))).toMatchObject({ code: 'LEDGER_CHECKPOINT', exitCode: 1 });
    const { exitCode } = await run(['--json', 'recovery', '--data-dir', left.dataDir, '--out', again]);
    expect(exitCode).toBe(2);
  });

  it('is what start goes on from: the block is final; with another it does not start', async () => {
    const lying = join(network.dir, 'lying.json');
    const flags = ['start', '--data-dir', left.dataDir, '--genesis', network.genesisFile, '--recovery', lying];
    expect(await runRefused(flags)).toMatchObject({ code: 'LEDGER_CHECKPOINT' });
    await left.start(['--recovery', file()]);
    const { block } = await left.api.block(Number((await left.status()).finalHeight)).then(found => ({ block: found }));
    expect([block.grade, Buffer.from(block.id).toString('hex')]).toEqual(['final', named.blockId]);
    expect(await left.stop()).toBe(0);
    const verified = await run(['--json', 'verify', '--data-dir', left.dataDir, '--recovery', file()]);
    expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true });
    const audit = ['audit', '--data-dir', left.dataDir];
    expect(await runJson([...audit, '--recovery', file()])).toMatchObject({ epochs: expect.any(Array) });
  });
});
