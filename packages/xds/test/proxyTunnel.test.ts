/** The way out through a forward proxy and with a client certificate: everything is checked as without them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { needs } from '../../../tools/needs.mjs';
import { makeCertificates } from '../../../tools/rsyslog.mjs';
import { guardedConnect, guardedFetch, parseProxy } from '../dist/node/index.js';

const get = { method: 'GET' as const };

describe('the address of a proxy', () => {
  it('is plain http with host and port, nothing else', () => {
    expect(parseProxy('http://user:pass@proxy.example:3128').port).toBe('3128');
    for (const text of [
      'proxy.example:3128',
      'https://proxy.example',
      'socks5://p',
      'http://p/path',
      'http://p/?q',
      '',
    ]) {
      expect(() => parseProxy(text)).toThrow(
        expect.objectContaining({ detail: { code: 'XDS_DESTINATION', reason: 'proxy' } }),
      );
    }
  });
});

needs('openssl', describe)('through a proxy', () => {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-proxy-'));
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const asked: { target: string; authorization: string }[] = [];
  const open = new Set<Socket>();
  let behave: (socket: Socket, request: IncomingMessage) => void;
  let proxy: Server;
  let server: ReturnType<typeof createHttps>;
  let requests: string[] = [];
  let ca: string;
  let via: string;
  let url: string;

  /** What a proxy does: connect, say so, pass bytes. */
  function passOn(socket: Socket, request: IncomingMessage): void {
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const far = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      far.pipe(socket).pipe(far);
    });
    open.add(far);
    far.on('error', () => socket.destroy());
    socket.on('error', () => far.destroy());
  }

  beforeAll(async () => {
    makeCertificates(folder);
    ca = read('ca.crt');
    const tls = { cert: read('collector.crt'), key: read('collector.key') };
    server = createHttps({ ...tls, ca, requestCert: true, rejectUnauthorized: false }, (request, response) => {
      const socket = request.socket as import('node:tls').TLSSocket;
      requests.push(`${request.headers.host} ${socket.authorized}`);
      response.end(Buffer.alloc(300_000, 'x'));
    });
    proxy = createServer().on('connect', (request, socket: Socket) => {
      open.add(socket);
      asked.push({ target: request.url ?? '', authorization: request.headers['proxy-authorization'] ?? '' });
      behave(socket, request);
    });
    for (const one of [server, proxy]) await new Promise<void>(resolve => one.listen(0, '127.0.0.1', resolve));
    via = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    url = `https://localhost:${(server.address() as AddressInfo).port}/x`;
  });
  afterEach(() => {
    behave = passOn;
    requests = [];
    asked.length = 0;
  });
  afterAll(() => {
    for (const socket of open) socket.destroy();
    server.closeAllConnections();
    for (const one of [server, proxy]) one.close();
    rmSync(folder, { recursive: true });
  });
  const fetchVia = (options: object = {}, at = url) =>
    guardedFetch(at, get, { proxy: via, allowPrivate: true, ca, maxBytes: 1_000_000, ...options });

  it('brings the whole answer of the far end, asked for by name, and tells the proxy who asks', async () => {
    behave = passOn;
    const answer = await fetchVia({ proxy: via.replace('//', '//user:p%40ss@') });
    expect(answer.body).toHaveLength(300_000);
    const { host } = new URL(url);
    expect(asked).toEqual([{ target: host, authorization: `Basic ${btoa('user:p@ss')}` }]);
    expect(requests).toEqual([`${host} false`]);
  });

  it('shows the own certificate to a server that asks for it', async () => {
    await fetchVia({ cert: read('gateway.crt'), key: read('gateway.key') });
    await guardedFetch(url, get, {
      allowPrivate: true,
      ca,
      cert: read('gateway.crt'),
      key: read('gateway.key'),
      maxBytes: 1_000_000,
    });
    await fetchVia({ cert: read('stranger.crt'), key: read('stranger.key') });
    expect(requests.map(line => line.split(' ')[1])).toEqual(['true', 'true', 'false']);
  });

  it('sends nothing to a far end with another key, name or authority', async () => {
    await expect(fetchVia({ pins: [new Uint8Array(32)] })).rejects.toMatchObject({ code: 'XDS_TLS_PIN' });
    await expect(fetchVia({ ca: read('other.crt') })).rejects.toMatchObject({ code: 'XDS_CONNECTION' });
    const elsewhere = url.replace('localhost', 'ip6-localhost');
    behave = (socket, request) => passOn(socket, { ...request, url: new URL(url).host } as IncomingMessage);
    await expect(fetchVia({}, elsewhere)).rejects.toMatchObject({ code: 'XDS_CONNECTION' });
    expect(asked).toHaveLength(3);
    expect(requests).toEqual([]);
  });

  it('asks the proxy for no private address, and for the checked address of a public name', async () => {
    const resolving = (address: string) => ({ allowPrivate: false, resolve: async () => [{ address, family: 4 }] });
    const refused = { code: 'XDS_DESTINATION', detail: { reason: 'not-public' } };
    await expect(fetchVia(resolving('10.0.0.1'), 'https://h.example:8443/')).rejects.toMatchObject(refused);
    expect(asked).toEqual([]);
    behave = socket => void socket.end('HTTP/1.1 503 no\r\ncontent-length: 0\r\n\r\n');
    await expect(fetchVia(resolving('8.8.8.8'), 'https://h.example:8443/')).rejects.toMatchObject({
      code: 'XDS_PROXY',
    });
    expect(asked.map(({ target }) => target)).toEqual(['8.8.8.8:8443']);
  });

  it.each<[string, (socket: Socket) => void, number]>([
    ['wants a password', socket => socket.end('HTTP/1.1 407 no\r\ncontent-length: 0\r\n\r\n'), 407],
    ['refuses', socket => socket.end('HTTP/1.1 403 no\r\n\r\n'), 403],
    ['closes', socket => socket.destroy(), 0],
    [
      'says something in the name of the far end',
      socket => socket.write('HTTP/1.1 200 ok\r\n\r\nHTTP/1.1 200 ok\r\n\r\n'),
      0,
    ],
  ])('says so when the proxy %s', async (_what, answering, status) => {
    behave = answering;
    await expect(fetchVia()).rejects.toMatchObject({ code: 'XDS_PROXY', detail: { status } });
    expect(requests).toEqual([]);
  });

  it('says so when there is no proxy', async () => {
    const away = guardedConnect(url, get, { proxy: 'http://127.0.0.1:9', allowPrivate: true });
    await expect(away).rejects.toMatchObject({ code: 'XDS_PROXY', detail: { status: 0 } });
  });
});
