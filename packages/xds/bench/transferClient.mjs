/** The requester of transfer.mjs: one study into a file, after a first one that warms it up; prints its growth of memory. */
import { readFileSync } from 'node:fs';
import { SecretKey, sha256, utf8 } from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import { retrieveStudy } from '@radpass/xds/node';

const [folder, url] = process.argv.slice(2);
const source = SecretKey.fromSeed(new Uint8Array(32).fill(1)).publicKey;
const retrieve = () =>
  retrieveStudy({
    key: SecretKey.generate(),
    url,
    source: { key: source, sourceKey: source, tlsPins: [] },
    studyHash: sha256(utf8('study')),
    outFile: `${folder}/received`,
    verifier: nodeVerifier,
    now: () => Date.now(),
    connect: { ca: readFileSync(`${folder}/tls.crt`, 'utf8'), allowPrivate: true },
  });
process.on('message', async ({ last }) => {
  const before = process.memoryUsage.rss();
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  const started = performance.now();
  const { bytes } = await retrieve();
  clearInterval(watch);
  process.send({ bytes, seconds: (performance.now() - started) / 1_000, growth: peak - before });
  if (last) process.disconnect();
});
process.send({ ready: true });
