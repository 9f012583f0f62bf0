/**
 * Retrievals through the shipped programs over TLS on loopback (node, gateway, requester), beside nginx serving the
 * document statically over https, taking turns in one run; curl is the client of both where they are compared:
 *
 *   - a study of 260 MB to one client: rate, and the time to the first byte after the request
 *   - a study of 264 kB to 32 clients at once: the slowest of a hundred
 *   - memory of gateway and requester while 260 MB and 2 GiB pass, against what they held before
 *
 *   node apps/gateway/bench/transfer.mjs [rounds] [large|small|memory …]
 * Needs nginx, curl and openssl, and 12 GB in the temporary folder. On a busy machine believe the ratios.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createRequesterCard, encodeRequesterCard, SecretKey } from '@radpass/core';
import { createRetrieveRequest } from '@radpass/xds';
import { makeCertificate, startNetwork, startNginx } from './network.mjs';
import { writeStudy } from './studies.mjs';

const rounds = Number(process.argv[2] ?? 10);
/** Crowds that a gateway has served that was not started a moment ago. */
const warmUp = 10;
const named = process.argv.slice(3);
const wanted = part => named.length === 0 || named.includes(part);
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'radpass-transfer-'));
const file = name => join(folder, name);
const print = result => console.log(JSON.stringify(result));
const sorted = numbers => [...numbers].sort((a, b) => a - b);
const median = numbers => sorted(numbers)[numbers.length >> 1];
const percentile = (numbers, share) => sorted(numbers)[Math.ceil(numbers.length * share) - 1];
const doctors = Array.from({ length: 8 }, () => SecretKey.generate());
const reader = SecretKey.generate();

makeCertificate(folder);
for (const name of ['images', 'static', 'out']) mkdirSync(file(name));
const small = await writeStudy(file('images/small'), { size: 256, files: 2 });
const large = await writeStudy(file('images/large'), { size: 512, files: 495 });
const huge = wanted('memory') ? await writeStudy(file('images/huge'), { size: 1024, files: 1024 }) : null;
const nginx = await startNginx(folder, file('static'));
const network = await startNetwork(folder, file('images'));

let requests = 0;
/** Arguments of a curl that asks the gateway for a study, signed by one of the doctors. */
function signed(documentUniqueId, doctor) {
  const documents = [{ repositoryUniqueId: network.sourceKey, documentUniqueId }];
  const { contentType, body } = createRetrieveRequest({ key: doctor, to: network.url, documents, now: Date.now() });
  const name = file(`request-${requests++}`);
  writeFileSync(name, body);
  return ['-H', `content-type: ${contentType}`, '--data-binary', `@${name}`, network.url];
}

/** One download: seconds from the TLS handshake's end to the first byte and to the last, and bytes. */
async function curl(args, out = '/dev/null') {
  const format = '%{http_code} %{size_download} %{time_appconnect} %{time_starttransfer} %{time_total}';
  const { stdout } = await run('curl', ['-s', '--cacert', file('tls.crt'), '-o', out, '-w', format, ...args]);
  const [status, bytes, connected, first, total] = stdout.split(' ').map(Number);
  if (status !== 200) throw new Error(`status ${status}`);
  return { bytes, first: (first - connected) * 1_000, seconds: total - connected };
}

/** What the system says of a process: resident bytes, and processor time so far in ms. */
const residentBytes = pid => {
  // A process that has just ended holds nothing.
  const held = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(held?.[1] ?? 0) * 1_024;
};
const cpuMs = pid => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

/** Enrol a study and allow it to these keys and to the requester's program. @returns its hash */
async function share(study, keys) {
  const number = await network.claim(study.studyInstanceUID);
  const { card } = await network.requester('card', '--label', 'Dr. R').ended;
  await network.allow(number, [...keys.map(cardOf), card]);
  const hash = await network.hashOf(study.studyInstanceUID);
  // nginx has the same bytes as a file: what the gateway answers, frame and all
  for (let tries = 0; tries < 20; tries++) {
    const { bytes } = await curl(signed(hash, keys[0]), file(`static/${study.name}`));
    if (bytes >= study.bytes) return hash;
    // Not digested yet: whoever may have it is told to come again.
    await new Promise(resolve => setTimeout(resolve, 5_000));
  }
  throw new Error(`${study.name} is not served`);
}

const cardOf = key => {
  const terms = {
    chainId: network.chainId,
    label: 'Dr. D',
    keys: [key.publicKey],
    expires: Date.now() + 3_600_000,
    key,
  };
  return encodeRequesterCard(createRequesterCard(terms));
};

async function measureLarge(hash) {
  const all = { nginx: [], radpass: [] };
  const cpuBefore = cpuMs(network.gateway.pid);
  for (let round = -1; round < rounds; round++) {
    const one = { nginx: await curl([nginx.url(large.name)]), radpass: await curl(signed(hash, reader)) };
    if (round >= 0) for (const name of Object.keys(all)) all[name].push(one[name]);
  }
  const rate = ofOne => median(ofOne.map(({ bytes, seconds }) => bytes / seconds / 1e6));
  print({
    what: '260 MB, one client',
    rounds,
    bytes: all.radpass[0].bytes,
    nginxMBs: rate(all.nginx),
    radpassMBs: rate(all.radpass),
    ratio: rate(all.radpass) / rate(all.nginx),
    firstByteMs: median(all.radpass.map(({ first }) => first)),
    nginxFirstByteMs: median(all.nginx.map(({ first }) => first)),
    gatewayCpuMs: (cpuMs(network.gateway.pid) - cpuBefore) / (rounds + 1),
  });
}

async function measureSmall(hash) {
  const clients = 32;
  const all = { nginx: [], radpass: [] };
  let cpuBefore = 0;
  for (let round = -warmUp; round < rounds; round++) {
    if (round === 0) cpuBefore = cpuMs(network.gateway.pid);
    for (const [name, ask] of [
      ['nginx', () => [nginx.url(small.name)]],
      ['radpass', i => signed(hash, doctors[i % doctors.length])],
    ]) {
      const asked = Array.from({ length: clients }, (_, i) => ask(i));
      const answers = await Promise.all(asked.map(args => curl(args)));
      if (round >= 0) all[name].push(...answers.map(({ seconds }) => seconds * 1_000));
      // What was counted against the clients' one address is given back.
      await new Promise(resolve => setTimeout(resolve, 700));
    }
  }
  const [nginxP99, radpassP99] = [all.nginx, all.radpass].map(ms => percentile(ms, 0.99));
  print({
    what: '264 kB, 32 clients at once, from handshake to last byte',
    requests: all.radpass.length,
    nginxP99Ms: nginxP99,
    radpassP99Ms: radpassP99,
    ratio: radpassP99 / nginxP99,
    nginxMedianMs: median(all.nginx),
    radpassMedianMs: median(all.radpass),
    gatewayCpuMsPerRequest: (cpuMs(network.gateway.pid) - cpuBefore) / (rounds * clients),
  });
}

/** The requester's program retrieves and unpacks; both processes' resident memory is looked at every 20 ms. */
async function retrieve(grant) {
  const before = residentBytes(network.gateway.pid);
  const peak = { gateway: before, requester: 0 };
  const { pid, ended } = network.requester('retrieve', '--grant', String(grant), '--out', file('out'));
  const started = performance.now();
  const watch = setInterval(() => {
    peak.gateway = Math.max(peak.gateway, residentBytes(network.gateway.pid));
    peak.requester = Math.max(peak.requester, residentBytes(pid));
  }, 20);
  const { bytes } = await ended.finally(() => clearInterval(watch));
  rmSync(file('out'), { recursive: true });
  return { bytes, seconds: (performance.now() - started) / 1_000, peak, gatewayGrowth: peak.gateway - before };
}

/** Growth of the gateway: beyond what it held before; of the requester: beyond its peak with the small study. */
async function measureMemory() {
  const { grants } = await network.requester('inbox').ended;
  const grantOf = hash => grants.find(({ studyHash }) => studyHash === hash).grant;
  const hashes = await Promise.all(
    [small, large, huge].map(({ studyInstanceUID }) => network.hashOf(studyInstanceUID)),
  );
  const [smallGrant, largeGrant, hugeGrant] = hashes.map(grantOf);
  const least = await retrieve(smallGrant);
  for (const [what, grant] of [
    ['260 MB', largeGrant],
    ['2 GiB', hugeGrant],
  ]) {
    const { bytes, seconds, peak, gatewayGrowth } = await retrieve(grant);
    print({
      what: `${what}: radpass-requester starts, retrieves, checks and unpacks`,
      bytes,
      MBs: bytes / seconds / 1e6,
      gatewayGrowthMiB: gatewayGrowth / 2 ** 20,
      gatewayPeakMiB: peak.gateway / 2 ** 20,
      requesterGrowthMiB: (peak.requester - least.peak.requester) / 2 ** 20,
      requesterPeakMiB: peak.requester / 2 ** 20,
    });
  }
}

try {
  const smallHash = await share(small, doctors);
  if (wanted('small')) await measureSmall(smallHash);
  if (wanted('large') || wanted('memory')) {
    const largeHash = await share(large, [reader]);
    if (wanted('large')) await measureLarge(largeHash);
  }
  if (wanted('memory')) {
    await share(huge, [SecretKey.generate()]);
    await measureMemory();
  }
} finally {
  await network.stop();
  nginx.stop();
  rmSync(folder, { recursive: true });
}
