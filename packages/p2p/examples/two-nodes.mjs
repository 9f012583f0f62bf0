import { randomBytes } from 'node:crypto';
import { createNetwork } from '@radpass/p2p';

const chainId = randomBytes(32);
const node = (name, peers) =>
  createNetwork({
    seed: randomBytes(32),
    chainId,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    peers,
    handlers: {
      onTransaction: async bytes => {
        console.log(`${name} has "${Buffer.from(bytes)}"`);
        return 'accept';
      },
      onBlock: async () => 'accept',
      onVote: async () => 'accept',
      status: () => ({ chainId, height: 0, headSlot: 0, headId: chainId, finalHeight: 0, finalSlot: 0 }),
      locator: () => [chainId],
      async *blocksAfter() {},
      importBlocks: async () => 'stop',
    },
  });

const first = await node('first', []);
const second = await node('second', first.addresses);
await first.publishTransaction(Buffer.from('a grant')); // nobody may be there yet: it is told to who comes
await new Promise(resolve => setTimeout(resolve, 1_000));
console.log(`peers: ${first.peerCount()} and ${second.peerCount()}`);
await Promise.all([first.stop(), second.stop()]);
