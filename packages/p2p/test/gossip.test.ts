import { afterEach, describe, expect, it } from '@jest/globals';
import { limits } from '@radpass/p2p';
import { chainId, pause, startNode, stopAll, until } from './nodes.js';

const message = (...bytes: number[]) => new Uint8Array(bytes);
const connected = (count: number, ...nodes: { network: { peerCount(): number } }[]) =>
  until(() => nodes.every(({ network }) => network.peerCount() >= count));

describe('gossip', () => {
  afterEach(stopAll);

  it('brings a message of each topic to all of four nodes, once', async () => {
    const a = await startNode(1);
    const b = await startNode(2, { peers: a.network.addresses });
    const c = await startNode(3, { peers: [...a.network.addresses, ...b.network.addresses] });
    const d = await startNode(4, { peers: b.network.addresses });
    await connected(1, a, b, c, d);
    await pause(300);
    await a.network.publishTransaction(message(1, 1));
    await b.network.publishBlock(new Uint8Array(limits.maxBlockBytes).fill(2));
    await d.network.publishVote(message(3));
    const all = ['blocks 02020202', 'transactions 0101', 'votes 03'];
    const without = (own: string) => all.filter(line => line !== own);
    await until(() => [a, b, c, d].every(({ got }) => got.length >= 2) && c.got.length === 3);
    await pause(300);
    expect(a.got.toSorted()).toEqual(without('transactions 0101'));
    expect(b.got.toSorted()).toEqual(without('blocks 02020202'));
    expect(c.got.toSorted()).toEqual(all);
    expect(d.got.toSorted()).toEqual(without('votes 03'));
  });

  it('flows within a second of the start of a peer', async () => {
    const a = await startNode(1);
    const b = await startNode(2, { peers: a.network.addresses });
    const took = await until(() => {
      void a.network.publishBlock(message(0x90 + Math.floor(Math.random() * 15), Math.floor(Math.random() * 255)));
      return b.got.length > 0;
    });
    expect(took).toBeLessThan(1_000);
  });

  it('tells a transaction and a vote that were published without any peer to the one that comes later', async () => {
    const a = await startNode(1);
    await a.network.publishTransaction(message(1));
    await a.network.publishVote(message(2));
    await a.network.publishBlock(message(3));
    const b = await startNode(2);
    const c = await startNode(3, { peers: [...a.network.addresses, ...b.network.addresses] });
    await until(() => b.got.length >= 2 && c.got.length >= 2);
    // b is not connected with a: c passed them on.
    expect(b.got.toSorted()).toEqual(['transactions 01', 'votes 02']);
    expect(c.got.toSorted()).toEqual(['transactions 01', 'votes 02']);
  });

  it('does not pass on what a handler ignores or rejects', async () => {
    const a = await startNode(1);
    const b = await startNode(2, {
      peers: a.network.addresses,
      verdict: ([first]) => (first === 1 ? 'reject' : first === 2 ? 'ignore' : 'accept'),
    });
    const c = await startNode(3, { peers: b.network.addresses });
    await connected(1, a, b, c);
    await pause(300);
    for (const first of [1, 2, 3]) await a.network.publishTransaction(message(first));
    await until(() => c.got.length > 0 && b.got.length === 3);
    await pause(200);
    expect(c.got).toEqual(['transactions 03']);
  });

  it('bans a peer that keeps sending what is rejected, and refuses its return', async () => {
    const a = await startNode(1);
    const b = await startNode(2, { peers: a.network.addresses, verdict: () => 'reject' });
    await connected(1, a, b);
    await pause(200);
    for (let i = 0; i < 6; i++) await a.network.publishVote(message(i));
    await until(() => b.got.length === 6);
    expect(b.network.peerCount()).toBe(1);
    for (let i = 6; i < 12; i++) await a.network.publishVote(message(i));
    await until(() => b.network.peerCount() === 0 && a.network.peerCount() === 0);
    expect(b.logged.join()).toContain('peer-banned');
    await pause(700);
    expect(b.logged.filter(line => line.startsWith('peer-confirmed'))).toHaveLength(1);
  });

  it('drops a handler that fails without blame for the sender', async () => {
    const a = await startNode(1);
    const b = await startNode(2, {
      peers: a.network.addresses,
      verdict: ([first]) => {
        if (first === 1) throw new TypeError('broken');
        return 'accept';
      },
    });
    await connected(1, a, b);
    await pause(200);
    await a.network.publishVote(message(1));
    await a.network.publishVote(message(2));
    await until(() => b.got.length === 2);
    expect(b.logged.join()).toContain('handler-failed {"kind":"votes","error":"TypeError"}');
    expect(b.network.peerCount()).toBe(1);
  });

  it('refuses to publish what is above its cap, or empty', async () => {
    const { network } = await startNode(1);
    const code = { code: 'P2P_TOO_LARGE' };
    await expect(network.publishTransaction(new Uint8Array(limits.maxTransactionBytes + 1))).rejects.toMatchObject(
      code,
    );
    await expect(network.publishVote(new Uint8Array(limits.maxVoteBytes + 1))).rejects.toMatchObject(code);
    await expect(network.publishBlock(new Uint8Array(limits.maxBlockBytes + 1))).rejects.toMatchObject(code);
    await expect(network.publishBlock(new Uint8Array(0))).rejects.toMatchObject(code);
    await expect(network.publishVote(new Uint8Array(limits.maxVoteBytes))).resolves.toBeUndefined();
  });

  it.each([
    ['another id from its first byte', Uint8Array.from(chainId, (byte, i) => (i === 0 ? 8 : byte))],
    ['the same first half', Uint8Array.from(chainId, (byte, i) => (i === 31 ? 8 : byte))],
  ])('refuses a peer whose chain has %s', async (_, otherChain) => {
    const a = await startNode(1);
    const b = await startNode(2, { peers: a.network.addresses, init: { chainId: otherChain } });
    await until(() => a.logged.join().includes('"fault":"other chain"') || b.logged.join().includes('other chain'));
    await pause(500);
    await a.network.publishVote(message(1));
    await pause(200);
    expect([a.network.peerCount(), b.network.peerCount()]).toEqual([0, 0]);
    expect(b.got).toEqual([]);
  });
});

describe('createNetwork', () => {
  it.each([
    ['seed', { seed: new Uint8Array(31) }],
    ['chainId', { chainId: new Uint8Array(31) }],
    ['listen', { listen: ['127.0.0.1:4001'] }],
    ['peers', { peers: ['nonsense'] }],
    ['peers', { peers: Array.from({ length: limits.maxConfiguredPeers + 1 }, () => '/ip4/127.0.0.1/tcp/1') }],
  ])('names an unusable %s', async (field, init) => {
    await expect(startNode(1, { init })).rejects.toMatchObject({ code: 'P2P_CONFIG', detail: { field } });
  });

  it('says when its port is taken', async () => {
    const a = await startNode(1);
    const listen = a.network.addresses.map(address => address.replace(/\/p2p\/.*/, ''));
    await expect(startNode(2, { init: { listen } })).rejects.toMatchObject({ code: 'P2P_LISTEN' });
    await stopAll();
  });
});
