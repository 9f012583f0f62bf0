import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttps, type Server } from 'node:https';
import { type AddressInfo, connect, createServer as createTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { nobleVerifier, sha256, toHex, utf8 } from '@radpass/core';
import { needs } from '../../../tools/needs.mjs';
import type { Exchange } from '../dist/exchange.js';
import {
  guardedConnect,
  guardedFetch,
  httpExchange,
  isPublicAddress,
  limitServer,
  retrieveStudy,
} from '../dist/node/index.js';
import type { SignedMessage } from '../dist/retrieveRequest.js';
import { createWorld, requester, source, studyHash, zipOf } from './world.js';

describe('isPublicAddress', () => {
  it.each([
    '0.0.0.0',
    '10.0.0.1',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.8',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:8.8.8.8',
    '::ffff:127.0.0.1',
    '::7f00:1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '3fff::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    '2606:4700::1%eth0',
    'ff02::1',
    '',
    'localhost',
    '8.8.8',
    '0x7f000001',
    '8.8.8.8 ',
    '4000::1',
  ])('refuses %j', address => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '172.15.255.255',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700:4700::1111',
    '2a00:1450::1',
  ])('accepts %s', address => {
    expect(isPublicAddress(address)).toBe(true);
  });
});

describe('guardedConnect', () => {
  it.each([
    ['http://example.org/', 'url'],
    ['ftp://example.org/', 'url'],
    ['https://user:secret@example.org/', 'url'],
    ['https://user@example.org/', 'url'],
    ['not a url', 'url'],
    ['https://8.8.8.8:22/', 'port'],
    ['https://127.0.0.1/', 'not-public'],
    ['https://2130706433/', 'not-public'],
    ['https://0x7f.1/', 'not-public'],
    ['https://[::1]/', 'not-public'],
    ['https://[::ffff:127.0.0.1]/', 'not-public'],
    ['https://169.254.169.254/latest/meta-data/', 'not-public'],
    ['https://10.1.2.3:8443/xds', 'not-public'],
  ])('sends nothing to %s', async (url, reason) => {
    await expect(guardedConnect(url, { method: 'GET' })).rejects.toMatchObject({
      code: 'XDS_DESTINATION',
      detail: { reason },
    });
  });

  it('refuses a name when any of its addresses is private, or none is there', async () => {
    const resolving = (...addresses: string[]) =>
      guardedConnect(
        'https://gateway.example/',
        { method: 'GET' },
        { resolve: async () => addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 })) },
      );
    for (const answer of [['127.0.0.1'], ['8.8.8.8', '10.0.0.1'], ['2606:4700::1', '::1']]) {
      await expect(resolving(...answer)).rejects.toMatchObject({ detail: { reason: 'not-public' } });
    }
    await expect(resolving()).rejects.toMatchObject({ detail: { reason: 'unresolved' } });
    const failing = guardedConnect(
      'https://gateway.example/',
      { method: 'GET' },
      { resolve: () => Promise.reject(new Error('SERVFAIL')) },
    );
    await expect(failing).rejects.toMatchObject({ detail: { reason: 'unresolved' } });
  });

  it('gives up on a server that never answers', async () => {
    const silent = createTcp(() => undefined);
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const started = performance.now();
    const waiting = guardedConnect(
      `https://127.0.0.1:${port}/`,
      { method: 'GET' },
      { allowPrivate: true, headersTimeoutMs: 200 },
    );
    await expect(waiting).rejects.toMatchObject({ code: 'XDS_CONNECTION' });
    expect(performance.now() - started).toBeLessThan(2_000);
    silent.close();
  });
});

needs('openssl', describe)('over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-tls-'));
  const file = (name: string) => join(folder, name);
  const servers: Server[] = [];
  const cleanUp: (() => void)[] = [];

  function certificate(name: string, subjectAltName: string): { key: string; cert: string; pin: Uint8Array } {
    const options = ['-x509', '-newkey', 'ed25519', '-nodes', '-days', '2', '-subj', `/CN=${name}`];
    const extensions = ['-addext', `subjectAltName=${subjectAltName}`];
    const out = ['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)];
    execFileSync('openssl', ['req', ...options, ...extensions, ...out], { stdio: 'ignore' });
    const cert = readFileSync(file(`${name}.crt`), 'utf8');
    const spki = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
    return { key: readFileSync(file(`${name}.key`), 'utf8'), cert, pin: sha256(spki) };
  }

  async function serve(
    tls: { key: string; cert: string },
    handler: (req: IncomingMessage, res: ServerResponse) => void,
  ): Promise<number> {
    const server = createHttps(tls, handler);
    limitServer(server);
    servers.push(server);
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  let own: ReturnType<typeof certificate>;
  let other: ReturnType<typeof certificate>;
  let requests = 0;
  let port = 0;
  beforeAll(async () => {
    own = certificate('own', 'DNS:localhost,IP:127.0.0.1');
    other = certificate('other', 'DNS:other.example');
    port = await serve(own, (req, res) => {
      requests += 1;
      if (req.url === '/moved') res.writeHead(302, { location: '/' }).end();
      else if (req.url === '/large') res.end(Buffer.alloc(100_000));
      else if (req.url === '/stalled') {
        res.writeHead(200, { 'content-length': '100' });
        res.write('half');
      } else if (req.url === '/torn') {
        res.writeHead(200, { 'content-length': '100' });
        res.write('half', () => res.destroy());
      } else res.end(`hello ${req.headers.host}`);
    });
  });
  afterAll(() => {
    for (const undo of cleanUp) undo();
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(folder, { recursive: true });
  });

  const get = (path: string, change: object = {}) =>
    guardedFetch(
      `https://localhost:${port}${path}`,
      { method: 'GET' },
      {
        ca: own.cert,
        allowPrivate: true,
        maxBytes: 1_000,
        resolve: async () => [{ address: '127.0.0.1', family: 4 }],
        ...change,
      },
    );

  it('connects to the checked address under the name, by certificate and pin', async () => {
    expect(Buffer.from((await get('/')).body).toString()).toBe(`hello localhost:${port}`);
    expect((await get('/', { pins: [new Uint8Array(32), own.pin] })).status).toBe(200);
    const byAddress = await guardedFetch(
      `https://127.0.0.1:${port}/`,
      { method: 'GET' },
      { ca: own.cert, allowPrivate: true, maxBytes: 1_000 },
    );
    expect(byAddress.status).toBe(200);
  });

  it('sends nothing when the key is not pinned, the certificate not trusted, or the name another', async () => {
    const before = requests;
    await expect(get('/', { pins: [other.pin] })).rejects.toMatchObject({ code: 'XDS_TLS_PIN' });
    await expect(get('/', { ca: other.cert })).rejects.toMatchObject({ code: 'XDS_CONNECTION' });
    await expect(get('/', { ca: undefined })).rejects.toMatchObject({ code: 'XDS_CONNECTION' });
    const misnamed = guardedFetch(
      `https://gateway.example:${port}/`,
      { method: 'GET' },
      {
        ca: own.cert,
        pins: [own.pin],
        allowPrivate: true,
        maxBytes: 10,
        resolve: async () => [{ address: '127.0.0.1', family: 4 }],
      },
    );
    await expect(misnamed).rejects.toMatchObject({ code: 'XDS_CONNECTION' });
    expect(requests).toBe(before);
  });

  it('follows no redirect, caps the body, and sees a stalled or torn answer', async () => {
    expect((await get('/moved')).status).toBe(302);
    await expect(get('/large')).rejects.toMatchObject({ code: 'XDS_TOO_LARGE' });
    await expect(get('/stalled', { idleTimeoutMs: 100 })).rejects.toMatchObject({ code: 'XDS_CONNECTION' });
    await expect(get('/torn')).rejects.toMatchObject({ code: 'XDS_CONNECTION' });
  });

  /** A TCP relay to `target`, which notes how the far side's connections ended. */
  async function relay(target: number): Promise<{ at: number; ends: string[] }> {
    const ends: string[] = [];
    const server = createTcp(near => {
      const far = connect(target, '127.0.0.1');
      far.once('end', () => ends.push('FIN'));
      far.once('error', error => ends.push((error as NodeJS.ErrnoException).code ?? ''));
      far.once('close', () => near.destroy());
      near.once('close', () => far.destroy());
      near.on('error', () => far.destroy());
      near.pipe(far).pipe(near);
    });
    cleanUp.push(() => server.close());
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    return { at: (server.address() as AddressInfo).port, ends };
  }

  /** A gateway on TLS: its public URL holds the port, which is known once the server listens. */
  async function gateway(change: Parameters<typeof createWorld>[0] = {}) {
    let handle: ((exchange: Exchange) => Promise<void>) | undefined;
    const at = await serve(own, async (req, res) => {
      const exchange = await httpExchange(req, res);
      if (exchange !== null) await handle?.(exchange);
    });
    const relayed = await relay(at);
    const world = await createWorld({ url: `https://localhost:${relayed.at}/xds`, ...change });
    handle = world.service.handle;
    return { world, ...relayed };
  }
  const study = (at: number, outFile: string, change: object = {}) => ({
    key: requester,
    url: `https://localhost:${at}/xds`,
    source: { key: source.publicKey, sourceKey: source.publicKey, tlsPins: [own.pin] },
    studyHash,
    outFile,
    verifier: nobleVerifier,
    now: Date.now,
    connect: { ca: own.cert, allowPrivate: true },
    ...change,
  });

  it('retrieves a study into a file, from request to rename', async () => {
    const { world, at } = await gateway();
    const outFile = file('study.zip');
    const { bytes, sha256: digest } = await retrieveStudy(study(at, outFile));
    expect(bytes).toBe(16_000);
    expect(toHex(sha256(readFileSync(outFile)))).toBe(toHex(digest));
    expect(existsSync(`${outFile}.part`)).toBe(false);

    await expect(
      retrieveStudy(
        study(at, file('pinned.zip'), {
          source: { key: source.publicKey, sourceKey: source.publicKey, tlsPins: [other.pin] },
        }),
      ),
    ).rejects.toMatchObject({ code: 'XDS_TLS_PIN' });
    await expect(retrieveStudy(study(at, file('private.zip'), { connect: { ca: own.cert } }))).rejects.toMatchObject({
      code: 'XDS_DESTINATION',
    });
    world.state.granted = [];
    await expect(retrieveStudy(study(at, file('refused.zip')))).rejects.toMatchObject({ code: 'XDS_REFUSED' });
    for (const name of ['pinned.zip', 'private.zip', 'refused.zip']) {
      expect([name, existsSync(file(name)), existsSync(file(`${name}.part`))]).toEqual([name, false, false]);
    }
  });

  it('leaves no file when the study is revoked under way: the connection is reset below TLS', async () => {
    const { world, at, ends } = await gateway();
    const long = zipOf(utf8('x'.repeat(3_000_000)), 20_000);
    world.studies.set(toHex(studyHash), {
      ...long,
      async *stream() {
        let given = 0;
        for await (const chunk of long.stream()) {
          // Dry at the moment of the reset: together with data it looks like an end to libuv's reader.
          if (given >= 200_000) await new Promise(resolve => cleanUp.push(() => resolve(null)));
          given += chunk.length;
          yield chunk;
        }
      },
    });
    const outFile = file('revoked.zip');
    let received = 0;
    const retrieving = retrieveStudy(
      study(at, outFile, {
        attempts: 1,
        onProgress(bytes: number) {
          if (received === 0) setTimeout(world.revoke, 50);
          received = bytes;
        },
      }),
    );
    await expect(retrieving).rejects.toMatchObject({ code: 'XDS_CONNECTION', cause: { code: 'ECONNRESET' } });
    expect(received).toBeLessThan(200_001);
    expect(ends).toEqual(['ECONNRESET']);
    expect(existsSync(outFile) || existsSync(`${outFile}.part`)).toBe(false);
  });

  it('begins a transfer again that broke off, as a new message, and gives up in the end', async () => {
    const { world, at } = await gateway();
    const whole = zipOf(utf8('x'.repeat(1_000_000)), 20_000);
    let broken = 2;
    const messages: string[] = [];
    world.studies.set(toHex(studyHash), {
      ...whole,
      async *stream() {
        let given = 0;
        for await (const chunk of whole.stream()) {
          if (given > 500_000 && broken-- > 0) throw new Error('the archive went away');
          given += chunk.length;
          yield chunk;
        }
      },
    });
    const outFile = file('again.zip');
    const change = { pauseMs: 1, onRequest: (message: SignedMessage) => messages.push(message.messageId) };
    expect((await retrieveStudy(study(at, outFile, change))).bytes).toBe(1_000_000);
    expect(new Set(messages).size).toBe(3);
    broken = 3;
    const failing = retrieveStudy(study(at, file('never.zip'), change));
    await expect(failing).rejects.toMatchObject({ code: 'XDS_CONNECTION', detail: { phase: 'answer' } });
    expect([existsSync(file('never.zip')), existsSync(file('never.zip.part'))]).toEqual([false, false]);
    expect(messages).toHaveLength(6);
    world.state.granted = [];
    await expect(retrieveStudy(study(at, file('refused.zip'), change))).rejects.toMatchObject({ code: 'XDS_REFUSED' });
    expect(messages).toHaveLength(7);
  });

  it('comes again to a source that makes the study ready, as a new message, until its patience is over', async () => {
    let polls = 0;
    let readyAt = 3;
    const documents = {
      open: async () => (++polls < readyAt ? new Promise<null>(() => undefined) : zipOf(utf8('ready'))),
    };
    const { world, at } = await gateway({ documents, openTimeoutMs: 20 });
    const messages: string[] = [];
    let busy = 0;
    const change = {
      pauseMs: 1,
      onRequest: (message: SignedMessage) => messages.push(message.messageId),
      onBusy: () => {
        busy += 1;
      },
    };
    expect((await retrieveStudy(study(at, file('ready.zip'), change))).bytes).toBe(5);
    expect([new Set(messages).size, busy]).toEqual([3, 2]);
    readyAt = Number.POSITIVE_INFINITY;
    const never = retrieveStudy(study(at, file('busy.zip'), { ...change, patienceMs: 100 }));
    await expect(never).rejects.toMatchObject({ detail: { errorCode: 'XDSRepositoryBusy' } });
    expect(existsSync(file('busy.zip.part'))).toBe(false);
    expect(world.reasons()).not.toContain('replay');
  });
});
