/** A node for reconnect.test.ts in a process of its own: port, peers (with commas), data folder. */
import { startNode } from './nodes.js';

const [port = '0', peers = '', dataDir = ''] = process.argv.slice(2);
const node = await startNode(42, {
  peers: peers === '' ? [] : peers.split(','),
  init: { listen: [`/ip4/127.0.0.1/tcp/${port}`], dataDir },
  handlers: {
    onBlock: async bytes => {
      process.send?.(`block ${bytes.length}`);
      return 'accept';
    },
  },
});
let n = 0;
process.on('message', async command => {
  if (command === 'publish') await node.network.publishBlock(new Uint8Array([0x92, n++ % 256, 2]));
  if (command === 'stop') {
    await node.network.stop();
    process.disconnect();
  }
});
process.send?.(node.network.addresses[0]);
