/**
 * A study over TLS as signed MTOM, beside nginx serving the same file statically over https, taking turns in one run; curl
 * is the client of both. Then memory: of source and requester while 2 GiB pass, against what they held after a first study.
 *   node packages/xds/bench/transfer.mjs [rounds]
 * Needs nginx, curl and openssl, and 5 GB in the temporary folder. On a busy machine believe the ratios.
 */
import { execFile, execFileSync, fork, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { publicKeyHex, SecretKey, sha256, toHex, utf8 } from '@radpass/core';
import { createRetrieveRequest } from '@radpass/xds';

const rounds = Number(process.argv[2] ?? 5);
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'radpass-transfer-'));
const file = name => join(folder, name);
const print = result => console.log(JSON.stringify(result));
const median = numbers => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

function writeNoise(name, size) {
  const block = createHash('shake256', { outputLength: 1 << 20 })
    .update('noise')
    .digest();
  const fd = openSync(file(name), 'w');
  for (let at = 0; at < size; at += block.length) writeSync(fd, block, 0, Math.min(block.length, size - at));
}

const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
const made = ['-keyout', file('tls.key'), '-out', file('tls.crt')];
execFileSync('openssl', ['req', '-x509', '-nodes', '-days', '2', ...curve, ...names, ...made], { stdio: 'ignore' });
writeNoise('small', 264_000);
writeNoise('large', 260_000_000);
writeFileSync(file('huge'), '');
truncateSync(file('huge'), 2 ** 31);

const nginxPort = 20_000 + (process.pid % 20_000);
writeFileSync(
  file('nginx.conf'),
  `daemon off; user root; worker_processes 1; pid ${file('nginx.pid')}; error_log ${file('error.log')};
events { worker_connections 256; }
http { access_log off; sendfile on; client_body_temp_path ${file('body')}; server { listen 127.0.0.1:${nginxPort} ssl;
ssl_certificate ${file('tls.crt')}; ssl_certificate_key ${file('tls.key')}; root ${folder}; } }`,
);
// nginx ends with its input, so that a kill of this process leaves none behind.
const ending = 'nginx -c "$0" & child=$!; cat > /dev/null; kill $child';
const nginx = spawn('sh', ['-c', ending, file('nginx.conf')], { stdio: ['pipe', 'ignore', 'ignore'] });
const server = fork(new URL('transferServer.mjs', import.meta.url), [folder]);
const next = child => new Promise(resolve => child.once('message', resolve));
const { url } = await next(server);
async function tell(message) {
  server.send(message);
  return await next(server);
}

const sourceKey = SecretKey.fromSeed(new Uint8Array(32).fill(1)).publicKey;
const documents = [{ repositoryUniqueId: publicKeyHex(sourceKey), documentUniqueId: toHex(sha256(utf8('study'))) }];
let requests = 0;
function signed() {
  const { contentType, body } = createRetrieveRequest({
    key: SecretKey.generate(),
    to: url,
    documents,
    now: Date.now(),
  });
  const name = file(`request-${requests++}`);
  writeFileSync(name, body);
  return ['-H', `content-type: ${contentType}`, '--data-binary', `@${name}`, url];
}
const plain = name => [`https://127.0.0.1:${nginxPort}/${name}`];

/** One download: seconds from the TLS handshake's end to the first byte and to the last, and bytes. */
async function curl(args) {
  const format = '%{http_code} %{size_download} %{time_appconnect} %{time_starttransfer} %{time_total}';
  const { stdout } = await run('curl', ['-s', '--cacert', file('tls.crt'), '-o', '/dev/null', '-w', format, ...args]);
  const [status, bytes, connected, first, total] = stdout.split(' ').map(Number);
  if (status !== 200) throw new Error(`status ${status}`);
  return { bytes, first: first - connected, seconds: total - connected };
}

await tell({ open: file('large') });
const alone = { nginx: [], radpass: [] };
for (let round = -1; round < rounds; round++) {
  const one = { nginx: await curl(plain('large')), radpass: await curl(signed()) };
  if (round >= 0) for (const name of Object.keys(alone)) alone[name].push(one[name]);
}
const rates = Object.fromEntries(
  Object.entries(alone).map(([name, all]) => [name, median(all.map(({ bytes, seconds }) => bytes / seconds / 1e6))]),
);
print({
  what: '260 MB, one client',
  rounds,
  nginxMBs: rates.nginx,
  radpassMBs: rates.radpass,
  ratio: rates.radpass / rates.nginx,
  firstByteMs: median(alone.radpass.map(({ first }) => first * 1_000)),
  nginxFirstByteMs: median(alone.nginx.map(({ first }) => first * 1_000)),
});

const cpuBefore = (await tell({ open: file('small') })).cpu;
const clients = 32;
const together = { nginx: [], radpass: [] };
for (let round = -1; round < rounds; round++) {
  for (const [name, ask] of [
    ['nginx', () => plain('small')],
    ['radpass', signed],
  ]) {
    const asked = Array.from({ length: clients }, ask);
    const all = await Promise.all(asked.map(curl));
    if (round >= 0) together[name].push(...all.map(({ seconds }) => seconds * 1_000));
  }
}
const cpuAfter = (await tell({})).cpu;
const cpuMs = (cpuAfter.user + cpuAfter.system - cpuBefore.user - cpuBefore.system) / 1_000;
const percentile = (numbers, share) => [...numbers].sort((a, b) => a - b)[Math.floor((numbers.length - 1) * share)];
const [nginxP99, radpassP99] = [together.nginx, together.radpass].map(all => percentile(all, 0.99));
print({
  what: '264 kB, 32 clients at once, from handshake to last byte',
  requests: together.radpass.length,
  nginxP99Ms: nginxP99,
  radpassP99Ms: radpassP99,
  ratio: radpassP99 / nginxP99,
  // with the handshake; the first round, which warms up, is counted too
  sourceCpuMsPerRequest: cpuMs / ((rounds + 1) * clients),
});

const client = fork(new URL('transferClient.mjs', import.meta.url), [folder, url]);
await next(client);
for (const [name, what] of [
  ['large', '260 MB'],
  ['huge', '2 GiB'],
]) {
  // the first of its kind is the warm-up: what it leaves behind is no growth with size
  await tell({ open: file('large') });
  client.send({});
  await next(client);
  await tell({ open: file(name) });
  const before = await tell({ mark: true });
  client.send({ last: name === 'huge' });
  const { bytes, seconds, growth } = await next(client);
  const { peak } = await tell({});
  print({
    what: `${what} into a file`,
    bytes,
    MBs: bytes / seconds / 1e6,
    sourceGrowthMiB: (peak - before.rss) / 2 ** 20,
    requesterGrowthMiB: growth / 2 ** 20,
  });
}
server.kill();
nginx.stdin.end();
rmSync(folder, { recursive: true });
