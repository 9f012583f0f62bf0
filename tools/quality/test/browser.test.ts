/** The browser-safe entries in a real browser engine, under a policy that allows no eval: the same verdicts as in Node. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { build, type Plugin } from 'esbuild';
import { dataDir, needs } from '../../needs.mjs';
import { root } from '../dist/workspace.js';
import * as engine from './inAnyEngine.js';

const read = (name: string): string => readFileSync(join(root, name), 'utf8');
const names = ['encoding', 'preimages', 'keys', 'tuples', 'studyHash', 'cards', 'keyring'] as const;
const files = Object.fromEntries(
  names.map(name => [name, JSON.parse(read(`packages/core/test/vectors/${name}.json`))]),
);

const lightVectors: { steps: { refused: string; root: unknown; final: unknown }[] } = JSON.parse(
  read('packages/ledger/test/vectors/light.json'),
);

function foreignCases(): engine.ForeignCase[] {
  const path = (name: string) => join(dataDir, 'vectors', name);
  if (!existsSync(path('cctv'))) return [];
  const load = <T>(name: string): T => JSON.parse(readFileSync(path(name), 'utf8'));
  interface Group {
    publicKey: { pk: string };
    tests: { tcId: number; msg: string; sig: string }[];
  }
  const cctv = load<{ key: string; sig: string; msg: string }[]>('cctv/ed25519vectors.json').map(
    ({ key, sig, msg }, i) => ({
      name: `CCTV ${i}`,
      key,
      message: Buffer.from(msg, 'utf8').toString('hex'),
      signature: sig,
    }),
  );
  const wycheproof = load<{ testGroups: Group[] }>('wycheproof/ed25519_test.json').testGroups.flatMap(group =>
    group.tests.map(({ tcId, msg, sig }) => ({
      name: `Wycheproof ${tcId}`,
      key: group.publicKey.pk,
      message: msg,
      signature: sig,
    })),
  );
  return [...cctv, ...wycheproof];
}

/** What the page reports; `failed` when it threw. */
interface Report {
  failed?: string;
  blocked: string[];
  made: Record<string, unknown>;
  read: unknown;
  foreign: boolean[];
  fresh: unknown;
  network: unknown;
  proof: unknown;
  light: unknown;
  node: unknown;
  entries: Record<string, string[]>;
}

const entries = {
  core: 'packages/core/dist/index.js',
  ledger: 'packages/ledger/dist/index.js',
  light: 'packages/ledger/dist/light.js',
  client: 'packages/client/dist/index.js',
};

/** The page's script. Everything is imported late, so that a violation at import is heard, too. */
const script = `
const blocked = [];
document.addEventListener('securitypolicyviolation', event => blocked.push(event.effectiveDirective + ' ' + event.sourceFile));
let report;
try {
  const engine = await import('./dist-test/inAnyEngine.js');
  const made = await import(${JSON.stringify(join(root, 'packages/core/dist-test/vectorData.js'))});
  const { files, cases, leaf, light } = INPUT;
  report = {
    made: {
      encoding: made.encodingVectors,
      preimages: made.preimageVectors,
      keys: made.keyVectors,
      tuples: made.tupleVectors,
      studyHash: made.studyHashVectors,
      cards: made.cardVectors,
      keyring: made.keyringVectors,
    },
    read: engine.readVectors(files),
    foreign: engine.judgeForeign(cases),
    fresh: engine.makeFreshKeys(),
    network: (await import(${JSON.stringify(join(root, 'packages/ledger/dist-test/worked.js'))})).worked(),
    proof: engine.judgeProof(leaf),
    light: (await import(${JSON.stringify(join(root, 'packages/ledger/dist-test/light/replay.js'))})).replayLight(light),
    node: await engine.askNode(),
    entries: {
${Object.entries(entries)
  .map(([name, path]) => `      ${name}: Object.keys(await import(${JSON.stringify(join(root, path))})).sort(),`)
  .join('\n')}
    },
  };
} catch (error) {
  report = { failed: String(error.stack ?? error) };
}
await new Promise(resolve => setTimeout(resolve, 50));
document.body.textContent = encodeURIComponent(JSON.stringify({ ...report, blocked }));
`;

/** The first founder's entry in the state of the worked network's block 0, with its proof. */
async function provenLeaf(): Promise<engine.ProvenLeaf> {
  const load = (name: string) => import(join(root, 'packages/ledger/dist', name));
  const [{ proveState }, { leafKey }, ledger, { tables }] = await Promise.all(
    ['stateProof.js', 'stateView.js', 'index.js', 'tables.js'].map(load),
  );
  const vectors = JSON.parse(read('packages/ledger/test/vectors/consensus.json'));
  const genesis = ledger.parseGenesis(Buffer.from(vectors.genesis, 'hex'));
  const { layer, root: stateRoot } = ledger.genesisState(genesis);
  const { sourceKey } = genesis.founders[0];
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return {
    root: hex(stateRoot),
    table: tables.sources,
    key: hex(sourceKey),
    value: hex(layer.get(leafKey(tables.sources, sourceKey))),
    proof: hex(proveState(layer, tables.sources, sourceKey)),
  };
}

/** The ledger's test network judges with OpenSSL where it is; a page has the rule itself. */
const nobleOnly: Plugin = {
  name: 'noble only',
  setup(bundler) {
    bundler.onResolve({ filter: /^@radpass\/core\/node$/ }, () => ({ path: 'core/node', namespace: 'noble' }));
    bundler.onLoad({ filter: /.*/, namespace: 'noble' }, () => ({
      contents: "export { nobleVerifier as nodeVerifier } from '@radpass/core';",
      resolveDir: join(root, 'tools/quality'),
    }));
  },
};

async function bundle(cases: engine.ForeignCase[]): Promise<Uint8Array> {
  const result = await build({
    stdin: { contents: script, resolveDir: join(root, 'tools/quality') },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
    plugins: [nobleOnly],
    define: { INPUT: JSON.stringify({ files, cases, leaf: await provenLeaf(), light: lightVectors }) },
  });
  return result.outputFiles[0]?.contents ?? new Uint8Array();
}

/** Serve the page on loopback, open it in Chromium, return the text that its script leaves in the body. */
async function open(code: Uint8Array): Promise<string> {
  const server = createServer((request, response) => {
    const page =
      '<!doctype html><meta charset="utf-8"><title>radpass</title><body><script type="module" src="/page.js"></script></body>';
    const [type, body] = request.url === '/page.js' ? ['text/javascript', code] : ['text/html', page];
    response.writeHead(200, {
      'content-type': `${type}; charset=utf-8`,
      'content-security-policy': "default-src 'none'; script-src 'self'",
    });
    response.end(body);
  });
  const home = mkdtempSync(join(tmpdir(), 'radpass-browser-'));
  try {
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-dev-shm-usage',
      `--user-data-dir=${join(home, 'profile')}`,
      '--virtual-time-budget=10000',
      '--dump-dom',
      `http://127.0.0.1:${port}/`,
    ];
    return await new Promise<string>((resolve, reject) => {
      const options = { timeout: 50_000, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, HOME: home } };
      execFile('/usr/bin/chromium', flags, options, (error, stdout) => (error ? reject(error) : resolve(stdout)));
    });
  } finally {
    server.close();
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value));

needs('chromium', describe)('in a browser engine that allows no eval', () => {
  const cases = foreignCases();
  let report: Report;

  beforeAll(async () => {
    const dom = await open(await bundle(cases));
    const [, text] = /<body>\s*([^<\s]*)/.exec(dom) ?? [];
    report = JSON.parse(decodeURIComponent(text ?? ''));
  });

  it('every script ran to its end', () => {
    expect(report.failed).toBeUndefined();
  });

  it('core makes the vectors as they stand: keys from words, cards, and a signed tuple of every type', () => {
    expect(report.made).toEqual(files);
  });

  it('core reads the vectors and refuses what they refuse, as in Node', () => {
    const here = engine.readVectors(files as unknown as engine.VectorFiles);
    expect(here.tuples.map(tuple => tuple.type)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(here.tuples.flatMap(tuple => tuple.verified)).not.toContain(false);
    expect(report.read).toEqual(plain(here));
  });

  it("core draws keys from the engine's randomness and shows no seed", () => {
    expect(report.fresh).toEqual({ words: 12, sameKeys: true, otherKeys: false, card: 'Dr. Grün', shown: false });
  });

  it('ledger makes the vectors of a whole network: genesis, leaders, votes, a certificate, blocks that it judges', () => {
    expect(report.network).toEqual(JSON.parse(read('packages/ledger/test/vectors/consensus.json')));
  });

  it("ledger's light entry checks a proof of the state, and refuses it for anything else", () => {
    expect(report.proof).toEqual({ holds: true, otherValue: false, absent: false, otherRoot: false });
  });

  it('a light client follows a recorded chain over three eras, and refuses what it refuses in Node', () => {
    expect(report.light).toEqual(lightVectors.steps.map(({ refused, root, final }) => ({ refused, root, final })));
  });

  it('client parses what a node answers, and names what it does not take', () => {
    expect(report.node).toEqual({
      bound: '1790000040000',
      wrong: 'CLIENT_ANSWER_INVALID',
      noJson: 'CLIENT_ANSWER_INVALID',
      schema: false,
    });
  });

  it.each(Object.entries(entries))('%s loads with all that it offers in Node', async (name, path) => {
    const here = await import(join(root, path));
    expect(Object.keys(here).length).toBeGreaterThan(0);
    expect(report.entries[name]).toEqual(Object.keys(here).sort());
  });

  it('nothing was blocked: no code is made from text', () => {
    expect(report.blocked).toEqual([]);
  });

  needs('vectors', describe)('Ed25519 vectors of others', () => {
    it("get Node's verdict, one by one", () => {
      const here = engine.judgeForeign(cases);
      expect(here.filter(Boolean).length).toBeGreaterThan(800);
      expect(here).toContain(false);
      expect(cases.filter((_, i) => report.foreign[i] !== here[i]).map(item => item.name)).toEqual([]);
    });
  });
});
