import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { pause, startNode, stopAll, until } from './nodes.js';

const child = fileURLToPath(new URL('./childNode.js', import.meta.url));

/** A node in a process of its own, on `port`; it answers each gossiped vote by printing it. */
async function startChild(port: number, peers: string[], dataDir: string) {
  const node = fork(child, [String(port), peers.join(','), dataDir], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const got: string[] = [];
  node.on('message', line => got.push(String(line)));
  await until(() => got.length > 0, 10_000);
  return { node, got, address: got.shift() ?? '' };
}

describe('connections', () => {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-p2p-'));
  afterEach(stopAll);

  it('are made again with a peer that was killed and restarted, and gossip flows both ways', async () => {
    const first = await startChild(0, [], folder);
    const port = Number(/tcp\/(\d+)/.exec(first.address)?.[1]);
    const a = await startNode(1, { peers: [first.address] });
    await until(() => a.network.peerCount() === 1);
    expect(a.network.peerHeads()).toHaveLength(1);
    const gone = once(first.node, 'exit');
    first.node.kill('SIGKILL');
    await gone;
    await until(() => a.network.peerCount() === 0);
    await pause(700);
    const second = await startChild(port, [], folder);
    try {
      expect(second.address).toBe(first.address);
      const redialled = await until(() => a.network.peerCount() === 1);
      let n = 0;
      const flowing = await until(() => {
        void a.network.publishBlock(new Uint8Array([0x91, n++ % 256, 1]));
        second.node.send('publish');
        return second.got.some(line => line.startsWith('block')) && a.got.some(line => line.startsWith('blocks'));
      });
      expect(redialled).toBeLessThan(4_000);
      expect(flowing).toBeLessThan(1_000);
    } finally {
      second.node.kill('SIGKILL');
    }
  });

  it('leave nothing open after stop(): the process ends by itself', async () => {
    const a = await startNode(1);
    const other = await startChild(0, a.network.addresses, folder);
    await until(() => a.network.peerCount() === 1);
    const exit = once(other.node, 'exit');
    const start = performance.now();
    other.node.send('stop');
    expect(await exit).toEqual([0, null]);
    expect(performance.now() - start).toBeLessThan(3_000);
    rmSync(folder, { recursive: true });
  });

  it('are cut by disconnect(), refused meanwhile, and back with reconnect()', async () => {
    const a = await startNode(1);
    const b = await startNode(2, { peers: a.network.addresses });
    const c = await startNode(3, { peers: [...a.network.addresses, ...b.network.addresses] });
    await until(() => a.network.peerCount() === 2 && b.network.peerCount() === 2);
    await b.network.disconnect();
    await until(() => a.network.peerCount() === 1 && c.network.peerCount() === 1 && b.network.peerCount() === 0);
    await b.network.publishTransaction(new Uint8Array([1]));
    await a.network.publishTransaction(new Uint8Array([2]));
    await pause(600);
    expect(b.network.peerCount()).toBe(0);
    expect(b.got).toEqual([]);
    b.network.reconnect();
    await until(() => b.network.peerCount() === 2, 4_000);
    await until(() => b.got.includes('transactions 02') && a.got.includes('transactions 01'));
    await until(() => c.got.includes('transactions 01') && c.got.includes('transactions 02'));
  });

  it('stop() twice is one stop, and publishing afterwards does nothing', async () => {
    const { network } = await startNode(1);
    await Promise.all([network.stop(), network.stop()]);
    await expect(network.publishVote(new Uint8Array([1]))).resolves.toBeUndefined();
    network.requestSync();
    network.reconnect();
  });
});
