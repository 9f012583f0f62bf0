import { afterEach, describe, expect, it } from '@jest/globals';
import { block, pause, startNode, stopAll, until } from './nodes.js';

describe('sync', () => {
  afterEach(stopAll);

  it('brings 500 blocks in streams of at most 128 as soon as the peers meet', async () => {
    const a = await startNode(1, { height: 500 });
    const b = await startNode(2, { peers: a.network.addresses });
    await until(() => b.chain.height === 500);
    expect(b.chain.imports).toEqual([128, 128, 128, 116]);
    await until(() => !b.network.syncing());
    expect(a.chain.imports).toEqual([]);
  });

  it('starts by itself when a peer grows without gossip, and at once when asked to', async () => {
    const a = await startNode(1, { height: 3 });
    const b = await startNode(2, { peers: a.network.addresses });
    await until(() => b.chain.height === 3);
    a.chain.import([block(4)]);
    await until(() => b.chain.height === 4, 3_000);
    await until(() => !b.network.syncing());
    a.chain.import([block(5), block(6)]);
    b.network.requestSync();
    b.network.requestSync();
    expect(await until(() => b.chain.height === 6)).toBeLessThan(1_000);
  });

  it('stays below the byte cap of an answer and asks on', async () => {
    const size = 700_000;
    const heavy = Array.from({ length: 40 }, (_, i) => block(i + 1, 1, size));
    const a = await startNode(1, {
      height: 40,
      handlers: {
        async *blocksAfter(locator, limit) {
          yield* heavy.slice(locator.length === 1 ? 0 : a.chain.height - a.chain.after(locator, 128).length, limit);
        },
      },
    });
    const batches: number[] = [];
    const b = await startNode(2, {
      peers: a.network.addresses,
      handlers: {
        importBlocks: async blocks => {
          batches.push(blocks.length);
          return b.chain.import(blocks.map((_, i) => block(b.chain.height + 1 + i)));
        },
      },
    });
    await until(() => b.chain.height === 40, 15_000);
    expect(batches).toEqual([23, 17]);
  });

  it.each<[string, (sent: number) => Uint8Array | Error]>([
    ['lies', sent => block(sent + 1, 9)],
    ['breaks off', () => new Error('gone')],
  ])('goes on with another peer when the better one %s', async (_, what) => {
    const honest = await startNode(1, { height: 300 });
    const served: number[] = [];
    const wrong = await startNode(2, {
      height: 400,
      handlers: {
        async *blocksAfter(locator, limit) {
          const blocks = wrong.chain.after(locator, limit);
          served.push(blocks.length);
          yield* blocks.slice(0, 50);
          const next = what(50);
          if (next instanceof Error) throw next;
          yield next;
        },
      },
    });
    const b = await startNode(3, { peers: [...wrong.network.addresses, ...honest.network.addresses] });
    await until(() => b.chain.height >= 300 && served.length > 0);
    await until(() => /"fault":"(blocks bad|sync truncated)"/.test(b.logged.join()));
  });

  it('bans the peer whose blocks are bad', async () => {
    const liar = await startNode(1, {
      height: 10,
      handlers: {
        async *blocksAfter() {
          yield block(1, 9);
        },
      },
    });
    const b = await startNode(2, { peers: liar.network.addresses });
    await until(() => b.logged.join().includes('"fault":"blocks bad"'));
    await pause(600);
    expect(b.network.peerCount()).toBe(0);
    expect(b.chain.height).toBe(0);
  });

  it('asks a peer that claims blocks and has none no more than now and then', async () => {
    let asked = 0;
    const empty = await startNode(1, {
      height: 10,
      handlers: {
        async *blocksAfter() {
          asked += 1;
          yield* [];
        },
      },
    });
    const b = await startNode(2, { peers: empty.network.addresses });
    await until(() => asked > 0);
    b.network.requestSync();
    await pause(2_300);
    expect(asked).toBe(1);
    expect(b.network.syncing()).toBe(false);
  });
});
