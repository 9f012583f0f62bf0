/**
 * From node:http(s) to the service's Exchange, and the limits of a server that strangers reach: slow headers,
 * slow bodies, large bodies, piles of connections.
 *
 * abort() resets: the connection must not look as if it ended well. A TLS socket can't send RST itself, so
 * `limitServer` remembers which TCP socket lies below it.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { XdsError } from '../errors.js';
import type { Exchange, Writer } from '../exchange.js';
import { remoteRateKey } from '../rate.js';

export const httpLimits = {
  /** Whole request body; the envelope in it is at most 64 KiB (parseRequest). */
  maxBodyBytes: 131_072,
  bodyTimeoutMs: 10_000,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 5_000,
  maxConnections: 1_024,
  maxConnectionsPerAddress: 64,
  maxHeaders: 64,
} as const;

const tcpBelow = new WeakMap<Socket, Socket>();

/**
 * Set the time-outs and limits of `httpLimits` on a server, http or https, before it listens.
 * @param perAddress - connections that one address (one /64 of IPv6) may have; behind a proxy all come from its address
 */
export function limitServer(server: Server, perAddress: number = httpLimits.maxConnectionsPerAddress): void {
  server.headersTimeout = httpLimits.headersTimeoutMs;
  server.requestTimeout = httpLimits.requestTimeoutMs;
  server.keepAliveTimeout = httpLimits.keepAliveTimeoutMs;
  server.maxConnections = httpLimits.maxConnections;
  server.maxHeadersCount = httpLimits.maxHeaders;
  // At most maxConnections entries: each leaves with its connection.
  const accepted = new Map<string, Socket>();
  const ofAddress = new Map<string, number>();
  const name = (socket: Socket) => `${socket.remoteAddress} ${socket.remotePort}`;
  server.on('connection', (socket: Socket) => {
    const key = name(socket);
    const address = remoteRateKey(socket.remoteAddress ?? '');
    const count = (ofAddress.get(address) ?? 0) + 1;
    if (count > perAddress) {
      socket.destroy();
      return;
    }
    ofAddress.set(address, count);
    accepted.set(key, socket);
    socket.once('close', () => {
      const left = (ofAddress.get(address) ?? 1) - 1;
      if (left > 0) ofAddress.set(address, left);
      else ofAddress.delete(address);
      if (accepted.get(key) === socket) accepted.delete(key);
    });
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    const below = accepted.get(name(socket));
    if (below !== undefined) tcpBelow.set(socket, below);
  });
}

function reset(socket: Socket): void {
  const tcp = tcpBelow.get(socket);
  if (tcp !== undefined) tcp.resetAndDestroy();
  else if (socket.constructor === Socket) socket.resetAndDestroy();
  socket.destroy();
}

async function readBody(req: IncomingMessage): Promise<Uint8Array> {
  const tooLarge = () =>
    new XdsError(
      { code: 'XDS_TOO_LARGE', what: 'request', maxBytes: httpLimits.maxBodyBytes },
      `the request exceeds ${httpLimits.maxBodyBytes} bytes`,
    );
  if (Number(req.headers['content-length'] ?? 0) > httpLimits.maxBodyBytes) throw tooLarge();
  const timer = setTimeout(() => req.destroy(new Error('the body is too slow')), httpLimits.bodyTimeoutMs);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of req) {
      size += (chunk as Buffer).length;
      if (size > httpLimits.maxBodyBytes) throw tooLarge();
      chunks.push(chunk as Buffer);
    }
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks);
}

/** What is shorter is copied: it may wait in the stream, and go out with what follows. */
const copiedBelow = 16_384;

function createWriter(res: ServerResponse): Writer {
  let handedOver = 0;
  const gone = () => new XdsError({ code: 'XDS_CONNECTION', phase: 'answer' }, 'the requester closed the connection');

  /** Resolves when the connection holds no part of the chunk's memory any more: TLS has sealed it, or the system has it. */
  function writeThrough(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const closed = () => reject(gone());
      res.once('close', closed);
      res.write(chunk, error => {
        res.off('close', closed);
        if (error) reject(gone());
        else resolve();
      });
    });
  }

  function until(event: 'drain' | 'finish'): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = () => {
        res.off(event, done);
        res.off('close', closed);
        resolve();
      };
      const closed = () => {
        res.off(event, done);
        res.off('close', closed);
        reject(gone());
      };
      res.once(event, done);
      res.once('close', closed);
    });
  }

  return {
    async write(chunk) {
      if (res.destroyed || res.socket === null || res.socket.destroyed) throw gone();
      handedOver += chunk.length;
      if (chunk.length >= copiedBelow) await writeThrough(chunk);
      else if (!res.write(Uint8Array.from(chunk))) await until('drain');
    },
    async end() {
      if (res.destroyed || res.socket === null || res.socket.destroyed) throw gone();
      const finished = until('finish');
      res.end();
      await finished;
    },
    bytesSent: () => handedOver,
  };
}

function refuse(req: IncomingMessage, res: ServerResponse, status: number, headers: Record<string, string> = {}): null {
  res.writeHead(status, { connection: 'close', 'content-length': '0', ...headers });
  res.end(() => req.destroy());
  return null;
}

/**
 * Read a request and offer it as an Exchange; null when it was answered here: 405 unless POST, 415 for a
 * Content-Encoding, 413 above `httpLimits.maxBodyBytes`, 400 for a body that ends early or is too slow.
 *
 * @param remote - the client's address, where the caller knows it (behind a proxy it is not the socket's)
 */
export async function httpExchange(
  req: IncomingMessage,
  res: ServerResponse,
  remote: string | undefined = req.socket.remoteAddress,
): Promise<Exchange | null> {
  // Errors of a connection that goes away reach the writer as 'close'.
  res.on('error', () => res.destroy());
  if (req.method !== 'POST') return refuse(req, res, 405, { allow: 'POST' });
  if (req.headers['content-encoding'] !== undefined) return refuse(req, res, 415);
  let body: Uint8Array;
  try {
    body = await readBody(req);
  } catch (error) {
    return refuse(req, res, error instanceof XdsError ? 413 : 400);
  }
  return {
    contentType: req.headers['content-type'] ?? '',
    body,
    ...(remote === undefined ? {} : { remote }),
    respond(status, headers) {
      res.writeHead(status, headers);
      return createWriter(res);
    },
    abort() {
      if (res.socket !== null) reset(res.socket);
      res.destroy();
    },
  };
}
