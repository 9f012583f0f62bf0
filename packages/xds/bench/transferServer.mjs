/**
 * The source of transfer.mjs: the shipped service on TLS, over a file. Told by IPC what to serve and asked for its memory.
 */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:https';
import { nobleVerifier, SecretKey, sha256, utf8 } from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import {
  createRateLimiter,
  createRetrieveService,
  memoryDisclosureLog,
  memoryReplayStore,
  openDisclosureStore,
} from '@radpass/xds';
import { httpExchange, limitServer } from '@radpass/xds/node';

const [folder] = process.argv.slice(2);
const source = SecretKey.fromSeed(new Uint8Array(32).fill(1));
const chainId = sha256(utf8('chain'));
let study = null;
let handle = null;

async function open(path) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  const stream = () => createReadStream(path, { highWaterMark: 262_144 });
  study = { size: statSync(path).size, sha256: hash.digest(), mimeType: 'application/zip', stream };
}

const tls = { key: readFileSync(`${folder}/tls.key`), cert: readFileSync(`${folder}/tls.crt`) };
const server = createServer(tls, async (req, res) => {
  // Without the client's address: the rate of one machine is not what is measured here.
  const exchange = await httpExchange(req, res, undefined);
  if (exchange !== null) await handle({ ...exchange, remote: undefined });
});
limitServer(server);
server.listen(0, '127.0.0.1', async () => {
  const url = `https://127.0.0.1:${server.address().port}/xds`;
  const log = memoryDisclosureLog();
  const view = {
    facts: async () => ({
      chainId,
      checkpoint: { slot: 1, blockId: sha256(utf8('block')), timeMs: Date.now() - 1_000 },
      source: { standingKey: source.publicKey, url, seq: 1 },
      study: { owner: source.publicKey, ownerSinceSlot: 1, generation: 0, withdrawn: false },
      grant: { seq: 1, notAfter: 0, receiptHash: new Uint8Array(), contentId: sha256(utf8('grant')) },
      revokedSeq: 0,
      proof: new Uint8Array(),
    }),
    watch: () => () => undefined,
  };
  const service = createRetrieveService({
    key: source,
    sourceKey: source.publicKey,
    url,
    chainId,
    view,
    verifier: nodeVerifier,
    documents: { open: async () => study },
    replay: memoryReplayStore(),
    disclosures: await openDisclosureStore({ log, key: source, chainId, verifier: nobleVerifier }),
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    rate: createRateLimiter({ perSecond: 1e6, burst: 1e6, totalPerSecond: 1e6, totalBurst: 1e6 }),
    revokedSeq: () => 0,
  });
  handle = service.handle;
  let cursor = 0;
  setInterval(() => service.onEvent({ cursor: ++cursor, kind: 'heartbeat' }), 500);
  service.onEvent({ cursor: ++cursor, kind: 'heartbeat' });
  process.send({ url });
});

let peak = 0;
setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, 20);
process.on('message', async message => {
  if (message.open) await open(message.open);
  if (message.mark) peak = process.memoryUsage.rss();
  process.send({ rss: process.memoryUsage.rss(), peak, cpu: process.cpuUsage() });
});
process.on('disconnect', () => process.exit());
