/**
 * The administrator's guide does what it says: its blocks run as they stand, with a real node, gateway, nginx, rsyslog,
 * wallet and requester. Afterwards nothing of the patient is found where nothing of a patient may be.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fromHex } from '@radpass/core';
import { writePhantomStudy } from '@radpass/imaging';
import { createNetwork, type Network } from '@radpass/p2p';
import { runGuide } from '../../guide.mjs';
import { needs } from '../../needs.mjs';
import { freePort } from '../../rsyslog.mjs';
import { root } from '../dist/workspace.js';

const both: typeof describe = needs('nginx', needs('rsyslog', describe) as typeof describe) as typeof describe;

both('docs/administrator.md', () => {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-guide-'));
  const file = (name: string): string => join(folder, name);
  let ran: Awaited<ReturnType<typeof runGuide>>;
  let canaries: string[];
  let publicPort: string | undefined;
  /** What a peer of the guide's node was told, as it came out of the encryption: gossip and blocks. */
  const gossip: Buffer[] = [];
  /** Which hosts the forward proxy was asked for, and what passed it. */
  const proxied = { asked: [] as string[], bytes: [] as Buffer[] };

  beforeAll(async () => {
    const { studyInstanceUID, accessionNumber } = await writePhantomStudy(file('images'), { slices: 3, size: 32 });
    const header = readFileSync(join(file('images'), readdirSync(file('images'))[0]!), 'latin1');
    const uids = [...header.matchAll(/2\.25\.\d{20,}/g)].map(match => match[0]);
    canaries = [...new Set([studyInstanceUID, accessionNumber, ...uids, 'Phantom^', 'Head phantom'])];
    const [PORT, NODE_PORT, GATEWAY_PORT, DESK_PORT, AUDIT_PORT, ADMIN_PORT] = await Promise.all(
      Array.from({ length: 6 }, async () => String(await freePort())),
    );
    publicPort = PORT;
    const ports = { PORT, NODE_PORT, GATEWAY_PORT, DESK_PORT, AUDIT_PORT, ADMIN_PORT } as Record<string, string>;
    const names = { URL: `https://localhost:${PORT}/radpass`, HOST: 'localhost' };
    const proxy = await forwardProxy(proxied);
    const listening = listenIn(file('node.log'), `http://127.0.0.1:${NODE_PORT}`, gossip);
    const PROXY = proxy.url;
    ran = await runGuide(join(root, 'docs', 'administrator.md'), folder, { ...ports, ...names, PROXY });
    await listening.stop();
    proxy.close();
  }, 900_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('runs from the first block to the last', () => {
    if (ran.code !== 0) throw new Error(`block ${ran.begun} of ${ran.blocks} failed:\n${ran.output.slice(-3_000)}`);
    expect(ran.begun).toBe(ran.blocks);
    for (const name of ['received-by-proxy', 'received-again']) expect(readdirSync(file(name))).toHaveLength(1);
    expect([...new Set(proxied.asked)]).toEqual([`localhost:${publicPort}`]);
    expect(readFileSync(file('accounting.csv'), 'utf8')).toContain('authorization of the individual');
  });

  it('leaves nothing of the patient in logs, the ledger, gossip, metrics, audit messages, refusals and what a proxy sees', () => {
    const looked = ['node.log', 'gateway.log', 'audit.log', 'nginx.log', 'refused', 'metrics', 'node-data'].flatMap(
      name => filesIn(file(name)),
    );
    expect(looked.length).toBeGreaterThan(8);
    const heard = `${Buffer.concat(gossip).length} bytes of gossip, ${Buffer.concat(proxied.bytes).length} through a proxy`;
    process.stdout.write(`${canaries.length} canaries: searched ${looked.length} files, ${heard}\n`);
    const found = looked.flatMap(path => {
      const text = readFileSync(path, 'latin1');
      return canaries.filter(canary => text.includes(canary)).map(canary => `${canary} in ${path}`);
    });
    expect(found).toEqual([]);
    expect(readFileSync(file('metrics'), 'utf8')).toMatch(/^radpass_studies 1$/m);
    for (const parts of [gossip, proxied.bytes]) {
      const text = Buffer.concat(parts).toString('latin1');
      expect(text.length).toBeGreaterThan(10_000);
      expect(canaries.filter(canary => text.includes(canary))).toEqual([]);
    }
    // The peer was told all that the wallet and the source signed: it knows the grant's study by its hash.
    const [study] = readdirSync(file('received'));
    expect(Buffer.concat(gossip).toString('hex')).toContain(study!);
    // The search finds what is there: the study that was received.
    const received = filesIn(file('received')).map(path => readFileSync(path, 'latin1'));
    for (const canary of canaries) expect(received.some(text => text.includes(canary))).toBe(true);
  });
});

needs('orthanc', describe)('docs/pacs-orthanc.md', () => {
  it('runs from the first block to the last', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'radpass-guide-orthanc-'));
    const ran = await runGuide(join(root, 'docs', 'pacs-orthanc.md'), folder);
    if (ran.code !== 0) throw new Error(`block ${ran.begun} of ${ran.blocks} failed:\n${ran.output.slice(-3_000)}`);
    expect(ran.begun).toBe(ran.blocks);
    expect(ran.output).toContain('"Version"');
    rmSync(folder, { recursive: true, force: true });
  }, 120_000);
});

/** A CONNECT proxy that writes down what it is asked for and what passes it. */
async function forwardProxy(seen: { asked: string[]; bytes: Buffer[] }): Promise<{ url: string; close: () => void }> {
  const proxy = createHttp().on('connect', (request, socket: Socket) => {
    seen.asked.push(request.url ?? '');
    const { hostname, port } = new URL(`tcp://${request.url}`);
    const far = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      far.pipe(socket).pipe(far);
    });
    for (const side of [far, socket]) {
      side.on('data', (data: Buffer) => seen.bytes.push(data));
      side.on('error', () => [far, socket].map(each => each.destroy()));
    }
  });
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => void proxy.close() };
}

/** Becomes a peer of the node when that has started, and keeps every byte that it is told. */
function listenIn(log: string, api: string, told: Buffer[]): { stop: () => Promise<void> } {
  let network: Network | undefined;
  let stopped = false;
  const keep = async (bytes: Uint8Array): Promise<'accept'> => {
    told.push(Buffer.from(bytes));
    return 'accept';
  };
  const begin = async (): Promise<void> => {
    let address: string | undefined;
    while (!stopped && address === undefined) {
      await new Promise(resolve => setTimeout(resolve, 100));
      address = existsSync(log)
        ? /\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/\w+/.exec(readFileSync(log, 'utf8'))?.[0]
        : undefined;
    }
    if (address === undefined) return;
    const status = (await (await fetch(`${api}/status`)).json()) as { chainId: string };
    const chainId = fromHex(status.chainId, 32);
    const nothing = { height: 0, headSlot: 0, headId: chainId, finalHeight: 0, finalSlot: 0 };
    network = await createNetwork({
      seed: new Uint8Array(32).fill(9),
      chainId,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      peers: [address],
      handlers: {
        onTransaction: keep,
        onBlock: keep,
        onVote: keep,
        status: () => ({ chainId, ...nothing }),
        locator: () => [chainId],
        async *blocksAfter() {},
        async importBlocks(blocks) {
          for (const block of blocks) await keep(block);
          return 'stop';
        },
      },
    });
  };
  const begun = begin();
  return {
    async stop() {
      stopped = true;
      await begun;
      await network?.stop();
    },
  };
}

function filesIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name));
}
