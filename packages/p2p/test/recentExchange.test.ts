import { describe, expect, it } from '@jest/globals';
import type { Connection, Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import '@radpass/p2p';
import { RecentMessages } from '../dist/recent.js';
import { RecentExchange } from '../dist/recentExchange.js';

const message = new Uint8Array([5, 6]);

/** One who tells over the streams that `open` makes, and one who hears them. */
function twoNodes(open?: () => Promise<Stream>) {
  const heard: string[] = [];
  const node = (recent: RecentMessages, connection?: Connection) =>
    new RecentExchange({
      protocol: '/recent',
      recent,
      connection: () => connection,
      judge: async (kind, bytes) => {
        heard.push(`${kind} ${bytes.join()}`);
        return 'accept';
      },
      passOn: async () => undefined,
      charge: () => undefined,
      isBanned: () => false,
      log: () => undefined,
    });
  const recent = new RecentMessages(() => 1);
  const connection = (newStream: () => Promise<Stream>) =>
    ({ remotePeer: { toString: () => 'peer' }, newStream }) as unknown as Connection;
  const hearer = node(new RecentMessages(() => 1));
  return {
    heard,
    recent,
    teller: node(recent, open && connection(open)),
    hear: (stream: Stream) =>
      hearer.hear(
        stream,
        connection(() => streamPair().then(([near]) => near)),
      ),
  };
}

describe('recent messages', () => {
  it('are told when the peer has read them all', async () => {
    const [near, far] = await streamPair();
    const { teller, recent, heard, hear } = twoNodes(async () => near);
    recent.add('votes', message, 'a');
    const [told] = await Promise.all([teller.tell('peer', 0), hear(far)]);
    expect([told, heard]).toEqual([true, ['votes 5,6']]);
  });

  it('are not told when the connection closes first, even in good order', async () => {
    for (const close of [
      (far: Stream) => far.abort(new Error('the peer stops')),
      (_: Stream, near: Stream) => near.abort(new Error('the connection is cut')),
      (_: Stream, near: Stream) => (near as unknown as { onTransportClosed(): void }).onTransportClosed(),
    ]) {
      const [near, far] = await streamPair();
      const { teller, recent } = twoNodes(async () => near);
      recent.add('votes', message, 'a');
      const telling = teller.tell('peer', 0);
      setTimeout(() => close(far, near), 20);
      expect(await telling).toBe(false);
    }
  });

  it('are not told without a connection or a stream, and nothing is told at once', async () => {
    const refused = twoNodes(() => Promise.reject(new Error('muxer closed')));
    const alone = twoNodes();
    for (const { teller, recent } of [refused, alone]) {
      expect(await teller.tell('peer', 0)).toBe(true);
      recent.add('votes', message, 'a');
      expect(await teller.tell('peer', 0)).toBe(false);
      expect(await teller.tell('peer', 2)).toBe(true);
    }
  });
});
