/**
 * Cost of one ITI-43 request: parse and verify, beside a bare Ed25519 verification by the same backend.
 * node packages/xds/bench/request.mjs [count]
 */
import { nobleVerifier, SecretKey } from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import { createRetrieveRequest, parseRequest, verifyRequest } from '@radpass/xds';

const count = Number(process.argv[2] ?? 2_000);
const key = SecretKey.generate();
const documents = [{ repositoryUniqueId: 'a'.repeat(64), documentUniqueId: 'b'.repeat(64) }];
const requests = Array.from({ length: 50 }, () =>
  createRetrieveRequest({ key, to: 'https://images.example/xds', documents, now: Date.now() }),
);

function median(run) {
  const times = [];
  for (let i = 0; i < count; i++) {
    const started = process.hrtime.bigint();
    run(i);
    times.push(Number(process.hrtime.bigint() - started) / 1e6);
  }
  return times.sort((a, b) => a - b)[count >> 1];
}

const request = i => requests[i % requests.length];
for (const verifier of [nodeVerifier, nobleVerifier]) {
  const located = requests.map(r => parseRequest(r.contentType, r.body).secured.signature);
  const bare = i => {
    const { value, signedInfo, signer } = located[i % located.length];
    verifier.verifyStrict(value, signedInfo, signer);
  };
  const whole = i => verifyRequest(parseRequest(request(i).contentType, request(i).body), verifier);
  for (let i = 0; i < 200; i++) {
    whole(i);
    bare(i);
  }
  const [a, b] = [median(whole), median(bare)];
  console.log(JSON.stringify({ backend: verifier.backend, count, requestMs: a, verifyMs: b, ratio: a / b }));
}
const parse = median(i => parseRequest(request(i).contentType, request(i).body));
const make = median(() => createRetrieveRequest({ key, to: 'https://images.example/xds', documents, now: 0 }));
console.log(JSON.stringify({ parseMs: parse, createMs: make, bytes: requests[0].body.length }));
