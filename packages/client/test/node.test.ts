import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { needs } from '../../../tools/needs.mjs';
import { makeCertificates } from '../../../tools/rsyslog.mjs';
import { NodeApi, type NodeEvent } from '../dist/index.js';
import {
  layerOptions,
  listenHttp,
  loadConfiguration,
  localRefusal,
  nodeFetch,
  placeOf,
  recordFile,
  saveRecord,
  UsageError,
} from '../dist/node/index.js';

const schema = z.strictObject({
  url: z.string(),
  tls: z.strictObject({ cert: z.string() }).optional(),
  count: z.number(),
});
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'radpass-client-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('configuration', () => {
  const file = (content: object): string => {
    const path = join(folder, 'config.json');
    writeFileSync(path, JSON.stringify(content));
    return path;
  };
  const load = (content: object, env = {}, flags = {}) =>
    loadConfiguration(schema, { file: file(content), envPrefix: 'RADPASS_X', env, flags });

  it('takes a flag before the environment, and the environment before the file', () => {
    const content = { url: 'file', count: 1 };
    expect(load(content).url).toBe('file');
    expect(load(content, { RADPASS_X_URL: 'env', RADPASS_X_TLS_CERT: 'c' })).toMatchObject({
      url: 'env',
      tls: { cert: 'c' },
    });
    expect(load(content, { RADPASS_X_URL: 'env' }, { url: 'flag' }).url).toBe('flag');
    expect(load(content, { RADPASS_X_COUNT: '7' }).count).toBe(7);
  });

  it('sets a field of one of several kinds from the environment', () => {
    const kinds = z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('a'), path: z.string() }),
      z.strictObject({ kind: z.literal('b'), url: z.string() }),
    ]);
    const env = { RADPASS_Y_IMAGES_KIND: 'b', RADPASS_Y_IMAGES_URL: 'u' };
    const wanted = { images: { kind: 'b', url: 'u' } };
    expect(loadConfiguration(z.strictObject({ images: kinds }), { envPrefix: 'RADPASS_Y', env })).toEqual(wanted);
  });

  it('names the field that is unknown or wrong', () => {
    expect(() => load({ url: 'a', count: 1, colour: 2 })).toThrow(/colour/);
    expect(() => load({ url: 'a', count: 'x' })).toThrow(/count/);
    expect(() => load({ url: 'a', count: 1, tls: { cert: 'c', ciph: 1 } })).toThrow(/tls\.ciph/);
    expect(() => loadConfiguration(schema, { file: join(folder, 'none'), envPrefix: 'X' })).toThrow(UsageError);
  });
});

describe('a record file', () => {
  it('holds what was saved, for its owner alone', async () => {
    const store = recordFile(join(folder, 'wallet'), { kind: 'wallet', plain: true });
    expect(await store.load()).toBeNull();
    await store.save(new Uint8Array([1, 2, 3]));
    expect(await store.load()).toEqual(new Uint8Array([1, 2, 3]));
  });

  it('lets one program at a time read and write, and breaks the lock that a crash left', async () => {
    const path = join(folder, 'inbox');
    const exclusive = <T>(work: () => Promise<T>): Promise<T> =>
      recordFile(path, { kind: 'inbox', plain: true }).exclusive!(work);
    const store = recordFile(path, { kind: 'inbox', plain: true });
    await store.save(new Uint8Array([0]));
    writeFileSync(`${path}.lock`, '');
    const longAgo = Date.now() / 1000 - 60;
    utimesSync(`${path}.lock`, longAgo, longAgo);
    const add = async (): Promise<void> => {
      const [count = 0] = (await store.load()) ?? [];
      await store.save(new Uint8Array([count + 1]));
    };
    await Promise.all(Array.from({ length: 8 }, () => exclusive(add)));
    expect(await store.load()).toEqual(new Uint8Array([8]));
    await expect(exclusive(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(readdirSync(folder).filter(name => name.includes('.lock'))).toEqual([]);
  });

  it('keeps the old record when a save stops before the rename', async () => {
    const path = join(folder, 'record');
    await saveRecord(path, new Uint8Array([1]));
    writeFileSync(`${path}.new`, 'half');
    expect(readFileSync(path)).toEqual(Buffer.from([1]));
    await saveRecord(path, new Uint8Array([2]));
    expect(readFileSync(path)).toEqual(Buffer.from([2]));
  });
});

describe('a server', () => {
  it('refuses plain http beyond loopback, a bad address, and a port in use', async () => {
    const handler = (): void => undefined;
    await expect(listenHttp({ address: '0.0.0.0:0', handler })).rejects.toThrow(UsageError);
    await expect(listenHttp({ address: 'nowhere', handler })).rejects.toThrow(UsageError);
    const first = await listenHttp({ address: '127.0.0.1:0', handler });
    const address = first.url.slice('http://'.length);
    await expect(listenHttp({ address, handler })).rejects.toMatchObject({ code: 'CLIENT_PORT_IN_USE' });
    await first.close();
  });

  it.each([
    ['another Host', { host: 'evil.example' }, 'Host'],
    ['a foreign Origin', { host: '127.0.0.1:1', origin: 'https://evil.example' }, 'Origin'],
    ['no token', { host: '127.0.0.1:1' }, 'token'],
    ['another token', { host: 'localhost:1', authorization: 'Bearer x' }, 'token'],
  ])('guards a local surface against %s', (_what, headers, refusal) => {
    expect(localRefusal({ headers } as Parameters<typeof localRefusal>[0], 't')).toBe(refusal);
  });

  it("lets the local surface's own page and commands in", () => {
    const headers = { host: '127.0.0.1:1', origin: 'http://127.0.0.1:1', authorization: 'Bearer t' };
    expect(localRefusal({ headers } as Parameters<typeof localRefusal>[0], 't')).toBeNull();
  });
});

describe('following events', () => {
  it('cuts the stream into events, whatever the chunks, and says when it ends', async () => {
    const text =
      'id: 3\nevent: heartbeat\ndata: {}\n\n: note\nid: 4\nevent: revocation\ndata: {"transaction":"aa"}\n\nid: 5\nevent: unknown\ndata: {}\n\n';
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const part of text.match(/[\s\S]{1,7}/g) ?? []) response.write(part);
      response.end();
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const node = new NodeApi({ url: `http://127.0.0.1:${port}`, fetch: nodeFetch() });
    const events: NodeEvent[] = [];
    await new Promise<void>(resolve =>
      node.events(
        0,
        event => events.push(event),
        () => resolve(),
      ),
    );
    expect(events).toEqual([
      { cursor: 3, kind: 'heartbeat' },
      { cursor: 4, kind: 'revocation', transaction: new Uint8Array([0xaa]) },
    ]);
    server.close();
  });

  it('refuses plain http to another machine', async () => {
    await expect(new NodeApi({ url: 'http://192.0.2.1', fetch: nodeFetch() }).status()).rejects.toMatchObject({
      code: 'CLIENT_UNREACHABLE',
    });
  });
});

needs('openssl', describe)('a fetch through a tunnel', () => {
  it('speaks TLS to the far end, checked for its name and authority, and says nothing to another', async () => {
    makeCertificates(folder);
    const pem = (name: string): string => readFileSync(join(folder, name), 'utf8');
    const asked: string[] = [];
    const server = createHttps({ cert: pem('gateway.crt'), key: pem('gateway.key') }, (request, response) => {
      asked.push(`${request.method} ${request.headers.host}${request.url}`);
      response.end('through');
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const opened: string[] = [];
    const tunnel = async (host: string, at: number) => {
      opened.push(`${host}:${at}`);
      return connect(port, '127.0.0.1');
    };
    // Names that resolve nowhere: what arrives came through the tunnel.
    const url = `https://gateway.example:${port}/v1/status`;
    const answer = await nodeFetch({ ca: pem('ca.crt'), tunnel })(url);
    expect(Buffer.from(await answer.arrayBuffer()).toString()).toBe('through');
    await expect(nodeFetch({ ca: pem('other.crt'), tunnel })(url)).rejects.toThrow();
    const misnamed = `https://other.example:${port}/`;
    await expect(nodeFetch({ ca: pem('ca.crt'), tunnel })(misnamed)).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
    expect(opened).toEqual([`gateway.example:${port}`, `gateway.example:${port}`, `other.example:${port}`]);
    expect(asked).toEqual([`GET gateway.example:${port}/v1/status`]);
    server.closeAllConnections();
    server.close();
  });
});

describe('settings of a program whose settings are its flags', () => {
  interface Taken {
    env: string[];
    config: [string, unknown][];
  }
  const program = (taken: Taken) => {
    const option = (name: string) => ({ attributeName: () => name, env: (text: string) => taken.env.push(text) });
    const setOptionValueWithSource = (name: string, value: unknown) => taken.config.push([name, value]);
    const start = { options: [option('dataDir')], commands: [], setOptionValueWithSource };
    return { options: [option('json')], commands: [start], setOptionValueWithSource };
  };
  const layer = (content: string): Taken => {
    const file = join(folder, 'node.json');
    writeFileSync(file, content);
    const taken: Taken = { env: [], config: [] };
    layerOptions(program(taken), { envPrefix: 'RADPASS_NODE', argv: ['--config', file], env: {} });
    return taken;
  };

  it('have names in the environment and in the file', () => {
    expect(layer('{"dataDir":"d"}')).toEqual({
      env: ['RADPASS_NODE_JSON', 'RADPASS_NODE_DATA_DIR'],
      config: [['dataDir', 'd']],
    });
  });

  it('are refused with their name when there is no such flag, or when the file is no JSON object', () => {
    expect(() => layer('{"colour":1}')).toThrow(/colour/);
    expect(() => layer('[]')).toThrow(UsageError);
    expect(() => layer('x')).toThrow(/no JSON/);
  });
});

describe('where an error was thrown', () => {
  it('is told without its words', () => {
    const place = placeOf(new Error('Erika Mustermann'));
    expect(place).toContain('node.test');
    expect(place).not.toContain('Mustermann');
    expect(placeOf('Mustermann')).toBe('');
  });
});
