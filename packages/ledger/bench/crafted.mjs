/**
 * A block's worth of signatures that the rule accepts and native code refuses: time to judge them together, on one thread
 * and on the threads that a node uses, beside one by one and beside native code on honest ones. Cold: as the first such
 * block of a process, before anything was compiled and the threads were started. With a fault: the last is wrong.
 * node packages/ledger/bench/crafted.mjs [votes] [studies] [helpers]
 *
 * Full by default: 176 KiB of votes by 512 voters (66 bytes a signature), 256 KiB of defineStudy (two signatures each).
 * Crafted: R has a point of order 8 added, which the cofactor takes away again.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import {
  concatBytes,
  findInvalidSignature,
  nobleVerifier,
  SecretKey,
  sha256,
  sign,
  signingPreimage,
  u64be,
} from '@radpass/core';
import { createParallelVerifier, nodeVerifier } from '@radpass/core/node';
import { LaterChecks } from '../dist/laterChecks.js';

const votes = Number(process.argv[2] ?? 2_700);
const studies = Number(process.argv[3] ?? 950);
const { Point } = ed25519;
const order = Point.Fn.ORDER;
const chainId = new Uint8Array(32).fill(1);
const littleEndian = bytes => bytes.reduceRight((n, byte) => (n << 8n) | BigInt(byte), 0n);
const toBytes = n => Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(8 * i)) & 0xffn));
// What the whole order of the curve's large part leaves of a point: its small part, here of order 8.
const torsion = (() => {
  for (let i = 0; ; i++) {
    try {
      const point = Point.fromBytes(sha256(u64be(i)), true);
      const small = point.multiplyUnsafe(order - 1n).add(point);
      if (!small.double().double().is0()) return small;
    } catch {
      // No point: try the next.
    }
  }
})();

function crafted(seed, preimage) {
  const hash = sha512(seed);
  const scalar =
    littleEndian(Uint8Array.from(hash.subarray(0, 32), (b, i) => (i === 0 ? b & 248 : i === 31 ? (b & 127) | 64 : b))) %
    order;
  const key = Point.BASE.multiply(scalar).toBytes();
  const r = littleEndian(sha512(concatBytes(hash.subarray(32), preimage))) % order;
  const R = Point.BASE.multiply(r).add(torsion).toBytes();
  const k = littleEndian(sha512(concatBytes(R, key, preimage))) % order;
  return { signature: concatBytes(R, toBytes((r + k * scalar) % order)), preimage, key };
}

const seeds = Array.from({ length: 512 }, (_, i) => sha256(u64be(i)));
const preimage = i => signingPreimage('vote', chainId, sha256(u64be(i)));
const checks = [
  ...Array.from({ length: votes }, (_, i) => crafted(seeds[i % 512], preimage(Math.floor(i / 512)))),
  // Outer signatures of one source, inner ones of a fresh patient each.
  ...Array.from({ length: studies }, (_, i) => crafted(seeds[0], preimage(10_000 + i))),
  ...Array.from({ length: studies }, (_, i) => crafted(sha256(u64be(20_000 + i)), preimage(20_000 + i))),
];
const accepted = checks.slice(0, 20).every(c => nobleVerifier.verify(c.signature, c.preimage, c.key));
const refused = checks.slice(0, 20).every(c => !nodeVerifier.verifyStrict(c.signature, c.preimage, c.key));
if (!accepted || !refused) throw new Error('the signatures are not what they should be');

const timed = run => {
  const started = process.cpuUsage();
  const wall = performance.now();
  run();
  const { user, system } = process.cpuUsage(started);
  return { cpuMs: Math.round((user + system) / 1000), wallMs: Math.round(performance.now() - wall) };
};
const parallel = createParallelVerifier(process.argv[4] === undefined ? undefined : Number(process.argv[4]));
const judge = (list, by = nodeVerifier) => {
  const later = new LaterChecks(by);
  const verifier = later.verifier(() => new Error('refused'));
  for (const { signature, preimage: p, key } of list) verifier.verify(signature, p, key);
  later.settle();
};
const cold = timed(() => judge(checks, parallel));
judge(checks);
const sample = checks.slice(0, 200);
const oneByOne = timed(() => sample.every(c => nobleVerifier.verify(c.signature, c.preimage, c.key)));
const key = SecretKey.generate();
const honest = sign(key, 'vote', chainId, sha256(u64be(0)));
const native = timed(() => {
  for (let i = 0; i < 2_000; i++) nodeVerifier.verifyStrict(honest, preimage(0), key.publicKey);
});
const together = timed(() => judge(checks));
const onThreads = timed(() => judge(checks, parallel));
const broken = [...checks];
broken[broken.length - 1] = { ...broken.at(-1), preimage: preimage(7) };
const found = [];
const withFault = timed(() => found.push(findInvalidSignature(nodeVerifier, broken)));
const withFaultOnThreads = timed(() => found.push(parallel.findInvalid(broken)));
if (found.some(at => at !== broken.length - 1)) throw new Error(`the wrong one was not found: ${found}`);
console.log(
  JSON.stringify({
    signatures: checks.length,
    together,
    onThreads,
    cold,
    withFault,
    withFaultOnThreads,
    oneByOneWallMs: Math.round((oneByOne.wallMs * checks.length) / sample.length),
    oneByOneCpuMs: Math.round((oneByOne.cpuMs * checks.length) / sample.length),
    nativeHonestCpuMs: Math.round((native.cpuMs * checks.length) / 2_000),
    ratioToOneByOne: Number(((together.cpuMs * sample.length) / (oneByOne.cpuMs * checks.length)).toFixed(3)),
    usPerSignature: Math.round((together.cpuMs * 1000) / checks.length),
  }),
);
await parallel.close();
