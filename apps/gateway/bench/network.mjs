/**
 * The real programs for a measurement, over TLS on loopback: a node and one that observes it, the gateway in front of a folder, and a patient's
 * wallet (the library) that shares what the folder holds. Everything lies in one folder that goes at the end.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { GatewayApi, NodeApi, Wallet } from '@radpass/client';
import { nodeFetch } from '@radpass/client/node';

const run = promisify(execFile);
/** As networks have them. */
const slotMs = 4000;
const programOf = app => new URL(`../../${app}/bin/radpass-${app}.js`, import.meta.url).pathname;
const pause = ms => new Promise(resolve => setTimeout(resolve, ms));

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise(resolve => server.close(resolve));
  return port;
}

/** A certificate for 127.0.0.1 in `tls.crt` and `tls.key`, an authority of its own. */
export function makeCertificate(folder) {
  const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const made = ['-keyout', join(folder, 'tls.key'), '-out', join(folder, 'tls.crt')];
  execFileSync('openssl', ['req', '-x509', '-nodes', '-days', '2', ...curve, ...names, ...made], { stdio: 'ignore' });
}

/**
 * Ends the processes that it is told of when this one ends, however that is: a kill leaves nobody else to do it. It hears
 * of the end by its input's.
 */
function startWatchdog() {
  const script = 'pids=; while read pid; do pids="$pids $pid"; done; kill $pids; sleep 2; kill -9 $pids';
  const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  child.unref();
  child.stdin.unref();
  child.stdin.on('error', () => undefined);
  return { watch: ({ pid }) => child.stdin.write(`${pid}\n`) };
}
const watchdog = startWatchdog();

/** nginx serving `root` statically over https. */
export async function startNginx(folder, root) {
  const port = await freePort();
  const file = name => join(folder, name);
  writeFileSync(
    file('nginx.conf'),
    `daemon off; user root; worker_processes 1; pid ${file('nginx.pid')}; error_log ${file('nginx.log')};
events { worker_connections 256; }
http { access_log off; sendfile on; client_body_temp_path ${file('nginx-body')}; server { listen 127.0.0.1:${port} ssl;
ssl_certificate ${file('tls.crt')}; ssl_certificate_key ${file('tls.key')}; root ${root}; } }`,
  );
  const child = spawn('nginx', ['-c', file('nginx.conf')], { stdio: 'ignore' });
  watchdog.watch(child);
  return { url: name => `https://127.0.0.1:${port}/${name}`, stop: () => child.kill() };
}

/** Node and gateway, started; `images` is the folder of studies. */
export async function startNetwork(folder, images) {
  const file = name => join(folder, name);
  const common = ['--json'];
  const children = [];
  const command = async (app, args) => {
    const { stdout } = await run(process.execPath, [programOf(app), ...args, ...common]);
    return JSON.parse(stdout.trim().split('\n').at(-1));
  };
  const start = async (app, args) => {
    const log = openSync(file(`${app}.log`), 'a');
    const argv = [...(process.env.RADPASS_BENCH_NODE_OPTIONS?.split(' ') ?? []), programOf(app), ...args, ...common];
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', log] });
    children.push(child);
    watchdog.watch(child);
    const ready = await new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', line => {
        const event = JSON.parse(line);
        if (event.event === 'ready') resolve(event);
      });
      child.once('close', code => reject(new Error(`${app} ended with ${code}: ${readFileSync(file(`${app}.log`))}`)));
    });
    return { ...ready, pid: child.pid };
  };

  const [gatewayPort, apiPort] = [await freePort(), await freePort()];
  const url = `https://127.0.0.1:${gatewayPort}/iti43`;
  const plain = '--insecure-plain-key';
  await command('node', ['key', 'new', '--out', file('keys'), '--url', url, plain]);
  const [publicKeys, sourceKeyFile, nodeKey] = ['source.pub.json', 'source.key', 'node.key'].map(name =>
    join(folder, 'keys', name),
  );
  const genesis = file('genesis');
  const made = ['--slot-ms', String(slotMs), '--policy', 'open', '--out', genesis];
  const { chainId } = await command('node', ['genesis', 'new', '--source', publicKeys, ...made]);
  const api = `127.0.0.1:${apiPort}`;
  const dataDir = file('node');
  const peer = `/ip4/127.0.0.1/tcp/${await freePort()}`;
  const inNetwork = ['start', '--genesis', genesis];
  const node = await start('node', [
    ...[...inNetwork, '--data-dir', dataDir, '--key', nodeKey, '--api', api, '--listen', peer],
  ]);
  // A node signs nothing before it has compared its clock with another's.
  await start('node', [...inNetwork, '--data-dir', file('observer'), '--peers', peer]);
  const config = {
    url,
    listen: { address: `127.0.0.1:${gatewayPort}` },
    tls: { cert: file('tls.crt'), key: file('tls.key') },
    key: sourceKeyFile,
    node: [{ url: `http://${api}` }],
    ...(chainId ? { chainId } : {}),
    dataDir: file('gateway'),
    images: { kind: 'folder', path: images },
    desk: { listen: '127.0.0.1:0' },
  };
  writeFileSync(file('gateway.json'), JSON.stringify(config));
  const gateway = await start('gateway', ['--config', file('gateway.json'), 'start']);

  // On a busy machine the first look at two gibibytes of files takes its time.
  const fetch = nodeFetch({ ca: readFileSync(file('tls.crt'), 'utf8'), timeoutMs: 180_000 });
  const nodeApi = new NodeApi({ url: `http://${api}`, fetch });
  let record = null;
  const store = {
    load: async () => record,
    save: async bytes => {
      record = bytes;
    },
  };
  const patient = await Wallet.open({
    store,
    node: nodeApi,
    gateway: at => new GatewayApi({ url: at, fetch }),
    now: () => Date.now(),
  });
  const token = readFileSync(file('gateway/desk.token'), 'utf8').trim();
  const desk = async (path, body) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const sent = body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers };
    const answer = await fetch(gateway.desk + path, sent);
    const json = JSON.parse(Buffer.from(await answer.arrayBuffer()));
    if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(json)}`);
    return json;
  };

  return {
    node,
    gateway,
    nodeUrl: `http://${api}`,
    url,
    sourceKey: gateway.sourceKey,
    chainId: (await nodeApi.status()).chainId,
    /** The patient claims a study of the folder, and staff confirm it. @returns its number in the wallet */
    async claim(studyInstanceUID) {
      const { offer } = await desk('/v1/offers', { studyInstanceUID });
      const { study } = await patient.claim(offer);
      const { claims } = await desk('/v1/claims');
      const waiting = claims.find(({ state }) => state === 'waiting');
      await desk(`/v1/claims/${waiting.id}/confirm`, {});
      await patient.waitUntilYours(study, { timeoutMs: 60_000 });
      return study;
    },
    /** The hash of an offered study, hex. */
    hashOf: async uid => (await desk('/v1/studies')).studies.find(study => study.studyInstanceUID === uid).studyHash,
    /** Allow each card, then wait until the last grant is final. */
    async allow(study, cards) {
      let last;
      for (const card of cards) last = await patient.allow(study, card);
      for (;;) {
        const entry = await nodeApi.transaction(last.transactionId);
        if (entry.grade === 'final') break;
        await pause(200);
      }
    },
    stop: async () => {
      const ends = children.map(child => once(child, 'close'));
      for (const child of children.reverse()) child.kill();
      await Promise.all(ends);
    },
    /** Start a command of the requester's program. @returns the process, and what it printed once it has ended */
    requester(...args) {
      const who = ['--home', file('requester'), '--node', `http://${api}`, '--ca', file('tls.crt')];
      const argv = [programOf('requester'), ...who, '--allow-private', plain, ...args, ...common];
      const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = (async () => {
        let text = '';
        for await (const chunk of child.stdout) text += chunk;
        if (!text.startsWith('{')) throw new Error(`radpass-requester ${args[0]} printed ${text}`);
        return JSON.parse(text.trim().split('\n').at(-1));
      })();
      return { pid: child.pid, ended };
    },
  };
}
