import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { sha256, toHex } from '@radpass/core';
import type { StudyDocument } from '../dist/exchange.js';
import { httpExchange, limitServer } from '../dist/node/index.js';
import type { SignedMessage } from '../dist/retrieveRequest.js';
import { createWorld, grantSeq, memoryExchange, studyHash } from './world.js';

type World = Awaited<ReturnType<typeof createWorld>>;
const mebibyte = 1_048_576;
const cleanUp: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanUp.splice(0)) undo();
});

/**
 * A document that gives a piece every `everyMs` and notes how much was read and whether it was closed; from `hangAt` on
 * it gives nothing until `release`. (A reset that arrives together with data looks like an end to libuv's reader, so a
 * test that wants to see the reset lets the data run dry first.)
 */
function slowDocument(size: number, pieceBytes: number, everyMs: number, hangAt = Number.POSITIVE_INFINITY) {
  const piece = new Uint8Array(pieceBytes);
  let release: () => void = () => undefined;
  const released = new Promise<void>(resolve => {
    release = resolve;
  });
  const seen = { read: 0, closed: false, release };
  const study: StudyDocument = {
    size,
    sha256: sha256(new Uint8Array(32)),
    mimeType: 'application/zip',
    async *stream() {
      try {
        for (let at = 0; at < size; at += pieceBytes) {
          if (at >= hangAt) await released;
          if (everyMs > 0) await new Promise(resolve => setTimeout(resolve, everyMs));
          seen.read += pieceBytes;
          yield piece;
        }
      } finally {
        seen.closed = true;
      }
    },
  };
  return { study, seen };
}

async function listen(world: World): Promise<{ server: Server; port: number }> {
  const server = createServer(async (req, res) => {
    const exchange = await httpExchange(req, res);
    if (exchange !== null) await world.service.handle(exchange);
  });
  limitServer(server);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  cleanUp.push(() => {
    world.service.stop();
    server.closeAllConnections();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

/** A bare TCP client, which sees how the connection ends. */
function post(port: number, message: SignedMessage, read = true) {
  const seen = { bytes: 0, ended: false, error: '' };
  const socket: Socket = connect(port, '127.0.0.1');
  cleanUp.push(() => socket.destroy());
  socket.on('data', chunk => {
    seen.bytes += chunk.length;
  });
  if (!read) socket.pause();
  socket.on('end', () => {
    seen.ended = true;
  });
  socket.on('error', error => {
    seen.error = (error as NodeJS.ErrnoException).code ?? error.message;
  });
  const closed = new Promise<void>(resolve => socket.on('close', () => resolve()));
  socket.write(
    `POST /xds HTTP/1.1\r\nHost: gateway.example\r\nContent-Type: ${message.contentType}\r\nContent-Length: ${message.body.length}\r\n\r\n`,
  );
  socket.write(message.body);
  return { seen, closed, socket };
}

const until = async (holds: () => boolean, ms = 5_000): Promise<void> => {
  const end = performance.now() + ms;
  while (!holds() && performance.now() < end) await new Promise(resolve => setTimeout(resolve, 5));
  if (!holds()) throw new Error('did not come about');
};
const closing = (world: World) => {
  const last = world.events.findLast(event => event.kind === 'closed');
  return last?.kind === 'closed' ? last.closing : undefined;
};

describe('a study that streams', () => {
  it.each<[string, (world: World) => void, string, number]>([
    ['our own word of a revocation', w => w.revoke(), 'revoked', 1_000],
    [
      "the ledger's word of a revocation, on an event",
      w => {
        w.state.revokedSeq = grantSeq;
        w.changed();
      },
      'revoked',
      200,
    ],
    [
      "the ledger's word of a revocation, without an event",
      w => {
        w.state.revokedSeq = grantSeq;
      },
      'revoked',
      1_000,
    ],
    [
      'a revocation in our table, without an event',
      w => {
        w.state.locallyRevokedSeq = grantSeq;
      },
      'revoked',
      1_000,
    ],
    [
      'the end of the grant',
      w => {
        w.state.notAfter = Date.now() - 1;
      },
      'grant-expired',
      1_000,
    ],
    [
      'a withdrawal',
      w => {
        w.state.withdrawn = true;
      },
      'withdrawn',
      1_000,
    ],
    [
      'a view that went stale',
      w => {
        w.state.checkpointAgeMs = 61_000;
      },
      'ledger-stale',
      1_000,
    ],
    [
      'a node that is gone',
      w => {
        w.state.answers = false;
      },
      'ledger-unreachable',
      1_000,
    ],
    [
      'a clock that went back',
      w => {
        w.shift.wallMs -= 2_000;
      },
      'clock-stepped',
      1_000,
    ],
  ])('is reset by %s, and never ends well', async (_, happen, reason, withinMs) => {
    const world = await createWorld();
    const { study, seen: source } = slowDocument(200 * mebibyte, 65_536, 0, 655_360);
    world.studies.set(toHex(studyHash), study);
    const { port } = await listen(world);
    const { seen, closed } = post(port, world.request());
    await until(() => seen.bytes > 655_360);
    const from = performance.now();
    happen(world);
    await closed;
    expect(performance.now() - from).toBeLessThan(withinMs);
    expect(seen).toMatchObject({ ended: false, error: 'ECONNRESET' });
    source.release();
    await until(() => closing(world) !== undefined && source.closed);
    expect(closing(world)).toMatchObject({ outcome: 'stopped', reason });
    expect(closing(world)!.bytesSent).toBe(655_360);
    expect(await world.disclosures.verify()).toEqual({ records: 2 });
  });

  it('stops within 1 s and 16 MiB of a revocation, fifty times at any point', async () => {
    const world = await createWorld({ rate: { take: () => true } });
    world.studies.set(toHex(studyHash), slowDocument(2_000 * mebibyte, 262_144, 0).study);
    const { port } = await listen(world);
    const worst = { ms: 0, bytes: 0 };
    for (let i = 0; i < 50; i++) {
      world.state.locallyRevokedSeq = 0;
      const { seen, closed } = post(port, world.request());
      const point = 1 + ((i * 7_919) % 50) * 100_000;
      await until(() => seen.bytes > point);
      const before = seen.bytes;
      const from = performance.now();
      world.revoke();
      await closed;
      worst.ms = Math.max(worst.ms, performance.now() - from);
      worst.bytes = Math.max(worst.bytes, seen.bytes - before);
      expect(seen.bytes).toBeLessThan(100 * mebibyte);
    }
    process.stdout.write(`50 revocations in mid-transfer: at worst ${worst.ms.toFixed(1)} ms, ${worst.bytes} bytes\n`);
    expect(worst.ms).toBeLessThan(1_000);
    expect(worst.bytes).toBeLessThan(16 * mebibyte);
    await until(() => world.events.filter(({ kind }) => kind === 'closed').length === 50);
    const outcomes = world.events.flatMap(event => (event.kind === 'closed' ? event.closing.reason : []));
    expect(new Set(outcomes)).toEqual(new Set(['revoked']));
  });

  it('is reset by a revocation while its reader has stopped reading', async () => {
    const world = await createWorld();
    world.studies.set(toHex(studyHash), slowDocument(200 * mebibyte, mebibyte, 0).study);
    const { port } = await listen(world);
    const { socket } = post(port, world.request(), false);
    await until(() => world.events.some(({ kind }) => kind === 'served'));
    await new Promise(resolve => setTimeout(resolve, 300));
    world.revoke();
    await until(() => closing(world) !== undefined, 1_000);
    expect(closing(world)).toMatchObject({ outcome: 'stopped', reason: 'revoked' });
    socket.resume();
  });

  it('is stopped by a revocation while its source hangs', async () => {
    const world = await createWorld();
    const hanging: StudyDocument = {
      ...slowDocument(mebibyte, 1, 0).study,
      async *stream() {
        yield new Uint8Array(10);
        await new Promise(() => undefined);
      },
    };
    world.studies.set(toHex(studyHash), hanging);
    const answer = memoryExchange(world.request());
    const handled = world.service.handle(answer.exchange);
    await until(() => answer.body().length > 0);
    world.revoke();
    await handled;
    expect(answer.seen).toMatchObject({ ended: false, aborted: true });
  });

  it('is not begun when the revocation comes between the decision and the first byte', async () => {
    const world = await createWorld();
    const put = world.log.put;
    world.log.put = async (entries, head) => {
      world.revoke();
      await put(entries, head);
    };
    const answer = await world.ask(world.request());
    expect(answer.seen).toMatchObject({ ended: false, aborted: true });
    expect(answer.body().length).toBe(0);
    expect(closing(world)).toMatchObject({ outcome: 'stopped', reason: 'revoked', bytesSent: 0 });
  });

  it('pauses while the ledger is slow to answer, and goes on after', async () => {
    const world = await createWorld();
    const { study } = slowDocument(120 * 65_536, 65_536, 20);
    world.studies.set(toHex(studyHash), study);
    const answer = memoryExchange(world.request());
    const handled = world.service.handle(answer.exchange);
    await until(() => answer.body().length > 200_000);
    world.state.delayMs = 2_500;
    await new Promise(resolve => setTimeout(resolve, 1_600));
    const paused = answer.body().length;
    expect(paused).toBeLessThan(110 * 65_536);
    await new Promise(resolve => setTimeout(resolve, 500));
    expect(answer.body().length).toBe(paused);
    world.heartbeat();
    world.state.delayMs = 0;
    await handled;
    expect(answer.seen).toMatchObject({ ended: true, aborted: false });
  });

  it('goes on after its request has expired', async () => {
    const world = await createWorld();
    world.studies.set(toHex(studyHash), slowDocument(30 * 65_536, 65_536, 50).study);
    const answer = memoryExchange(world.request({ lifetimeMs: 1_000, at: Date.now() - 60_500 }));
    await world.service.handle(answer.exchange);
    expect(closing(world)).toMatchObject({ outcome: 'complete', bytesSent: 30 * 65_536 });
  });

  it('grows no memory for a slow reader', async () => {
    const world = await createWorld();
    const { study, seen: source } = slowDocument(400 * mebibyte, 65_536, 0);
    world.studies.set(toHex(studyHash), study);
    const { port } = await listen(world);
    const { socket } = post(port, world.request(), false);
    await until(() => source.read > 0);
    await new Promise(resolve => setTimeout(resolve, 1_000));
    // What the two kernels' buffers take, and no more.
    expect(source.read).toBeLessThan(24 * mebibyte);
    socket.destroy();
    await until(() => closing(world) !== undefined && source.closed);
    expect(closing(world)).toMatchObject({ outcome: 'disconnected', reason: '' });
  });

  it('lets one signer have eight at a time', async () => {
    const world = await createWorld();
    world.studies.set(toHex(studyHash), slowDocument(mebibyte, 1_024, 5).study);
    const running = Array.from({ length: 8 }, () => {
      const answer = memoryExchange(world.request());
      return { answer, handled: world.service.handle(answer.exchange) };
    });
    await until(() => running.every(({ answer }) => answer.seen.status === 200));
    expect((await world.ask(world.request())).text()).toContain('XDSRepositoryBusy');
    world.service.stop();
    await Promise.all(running.map(({ handled }) => handled));
    expect(running.every(({ answer }) => answer.seen.aborted && !answer.seen.ended)).toBe(true);
  });
});

describe('httpExchange', () => {
  async function send(text: string): Promise<string> {
    const world = await createWorld();
    const { port } = await listen(world);
    const socket = connect(port, '127.0.0.1');
    cleanUp.push(() => socket.destroy());
    let answer = '';
    socket.on('data', chunk => {
      answer += chunk.toString();
    });
    const closed = new Promise<void>(resolve => socket.on('close', () => resolve()));
    socket.on('error', () => socket.destroy());
    socket.write(text);
    await closed;
    return answer.split('\r\n')[0] ?? '';
  }

  it('lets one address have so many connections and no more', async () => {
    const server = createServer((_req, res) => res.end('hello'));
    limitServer(server, 3);
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const open = Array.from({ length: 5 }, () => connect(port, '127.0.0.1'));
    let refused = 0;
    for (const socket of open) socket.on('error', () => undefined).on('close', () => (refused += 1));
    await until(() => refused === 2);
    open[0]!.destroy();
    open[1]!.destroy();
    open[2]!.destroy();
    await until(() => refused === 5);
    const again = connect(port, '127.0.0.1');
    again.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const answer = await new Promise<string>(resolve => again.once('data', data => resolve(data.toString())));
    expect(answer).toContain('200 OK');
    again.destroy();
    server.close();
  });

  it('takes POST only, no encodings, and no more than 128 KiB', async () => {
    expect(await send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')).toBe('HTTP/1.1 405 Method Not Allowed');
    expect(await send('POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n')).toBe(
      'HTTP/1.1 415 Unsupported Media Type',
    );
    expect(await send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 131073\r\n\r\n')).toBe(
      'HTTP/1.1 413 Payload Too Large',
    );
    const chunk = `20000\r\n${'x'.repeat(131_072)}\r\n1\r\nx\r\n`;
    expect(await send(`POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`)).toBe(
      'HTTP/1.1 413 Payload Too Large',
    );
  });
});
