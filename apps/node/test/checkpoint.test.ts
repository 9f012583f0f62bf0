/** Checkpoints as people make them: one writes, others sign what their own node bears out, a newcomer begins there. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LightNodes } from '@radpass/client';
import { readCheckpoint } from '@radpass/client/node';
import { nobleVerifier } from '@radpass/core';
import { checkCheckpoint, parseCheckpoint, parseGenesis } from '@radpass/ledger';
import { runJson, runRefused } from './commands.js';
import { TestNetwork, type TestNode } from './network.js';

let network: TestNetwork;
let node: TestNode;
const file = (name: string): string => join(network.dir, name);
const keyFile = (i: number): string => join(network.nodes[i]!.dir, 'source.key');

beforeAll(async () => {
  network = await TestNetwork.create({ founders: 1, slotMs: 250, checkpointKeys: true });
  node = network.nodes[0]!;
  await node.start();
  await network.agreed(2);
}, 60_000);
afterAll(() => network.close());

describe('radpass-node checkpoint', () => {
  it('names the newest final block, signed with a key of genesis', async () => {
    const made = await runJson(['checkpoint', '--api', node.url, '--sign', keyFile(0), '--out', file('one')]);
    expect(made).toMatchObject({ signatures: 1 });
    const checkpoint = parseCheckpoint(readFileSync(file('one'), 'utf8'));
    const genesis = parseGenesis(new Uint8Array(readFileSync(network.genesisFile)));
    expect(genesis.checkpointThreshold).toBe(1);
    expect(() => checkCheckpoint(checkpoint, genesis, nobleVerifier)).not.toThrow();
    expect((await node.api.block(checkpoint.blockId)).grade).toBe('final');
  });

  it('adds a signature to one that the own node bears out, and to no other', async () => {
    await runJson(['checkpoint', '--api', node.url, '--out', file('bare')]);
    const signed = ['--sign', keyFile(0), '--out'];
    await runJson(['checkpoint', '--api', node.url, '--same-as', file('bare'), ...signed, file('signed')]);
    const { signatures, ...statement } = parseCheckpoint(readFileSync(file('signed'), 'utf8'));
    expect(signatures).toHaveLength(1);
    expect(parseCheckpoint(readFileSync(file('bare'), 'utf8'))).toEqual({ ...statement, signatures: [] });
    const bare = JSON.parse(readFileSync(file('bare'), 'utf8')) as Record<string, unknown>;
    writeFileSync(file('false'), JSON.stringify({ ...bare, stateRoot: '11'.repeat(32) }));
    const same = ['checkpoint', '--api', node.url, '--same-as', file('false'), ...signed, file('not')];
    expect(await runRefused(same)).toMatchObject({ exitCode: 1, code: 'NODE_CHECKPOINT' });
    writeFileSync(file('unknown'), JSON.stringify({ ...bare, blockId: '11'.repeat(32) }));
    const unknown = ['checkpoint', '--api', node.url, '--same-as', file('unknown'), ...signed, file('not')];
    expect(await runRefused(unknown)).toMatchObject({ exitCode: 1, code: 'CLIENT_NOT_FOUND' });
  });

  it('lets a light client begin', async () => {
    const open = (name: string): Promise<LightNodes> =>
      LightNodes.open({
        nodes: [node.api],
        chainId: network.chainId,
        now: () => Date.now(),
        checkpoint: readCheckpoint(file(name)),
      });
    const light = await open('one');
    expect((await light.ask(api => api.sources())).final.slot).toBeGreaterThanOrEqual(light.final.slot);
    await expect(open('bare')).rejects.toMatchObject({ code: 'LEDGER_CHECKPOINT' });
  });
});

describe('radpass-node start --checkpoint', () => {
  const start = (checkpoint: string) => {
    const flags = [
      'start',
      '--data-dir',
      file('another'),
      '--genesis',
      network.genesisFile,
      '--checkpoint',
      checkpoint,
    ];
    return runRefused(flags);
  };

  it('goes on from a block that its chain holds, and refuses one that it does not', async () => {
    await node.stop();
    await node.start(['--checkpoint', file('one')]);
    const { finalSlot } = await node.status();
    await node.stop();
    const other = `${Math.max(1, finalSlot - 2)}:${'11'.repeat(32)}`;
    const refused = await runRefused([...node.startFlags(), '--checkpoint', other]);
    expect(refused).toMatchObject({ exitCode: 1, code: 'LEDGER_CHECKPOINT' });
    expect(refused.message).toContain('does not hold block');
  }, 60_000);

  it('takes no file without the signatures that genesis demands, and no text that names nothing', async () => {
    expect(await start(file('bare'))).toMatchObject({ exitCode: 1, code: 'LEDGER_CHECKPOINT' });
    expect(await start('tomorrow')).toMatchObject({ exitCode: 2, code: 'USAGE' });
  });
});
