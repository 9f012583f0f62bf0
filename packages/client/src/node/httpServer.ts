/** What node and gateway share as servers: listening with bounds, closing at once, a guard for a local surface, refusals. */
import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { TLSSocket } from 'node:tls';
import { ClientError } from '../errors.js';
import { UsageError } from './commandLine.js';
import { isLoopback } from './nodeFetch.js';

const headersTimeoutMs = 5_000;
const requestTimeoutMs = 30_000;
const maxConnections = 1024;

/**
 * PEM texts. With `clientCa` every client is asked for a certificate of that authority; what one without may do is for the
 * handler to say (`showedCertificate`).
 */
export interface ServerTls {
  cert: string;
  key: string;
  clientCa?: string | undefined;
}

export interface ListenInit {
  /** HOST:PORT; port 0 takes a free one. */
  address: string;
  handler: RequestListener;
  tls?: ServerTls | undefined;
  /** A named reverse proxy or a unix socket stands in front: plain http on a host that isn't loopback is wanted. */
  behindProxy?: boolean;
  /** Sees the server before it listens. */
  prepare?: (server: Server) => void;
}

export interface Listening {
  url: string;
  close: () => Promise<void>;
}

/** @throws UsageError for a bad address or plain http beyond loopback; ClientError CLIENT_PORT_IN_USE */
export async function listenHttp(p: ListenInit): Promise<Listening> {
  const { host, port } = splitAddress(p.address);
  if (!p.tls && !p.behindProxy && !isLoopback(host)) {
    throw new UsageError(`${p.address}: plain http is for loopback only; configure TLS`);
  }
  const server = p.tls ? createTlsServer(tlsOptions(p.tls), p.handler) : createServer(p.handler);
  server.headersTimeout = headersTimeoutMs;
  server.requestTimeout = requestTimeoutMs;
  server.maxConnections = maxConnections;
  p.prepare?.(server);
  await listening(server, p.address, port, host.replace(/^\[|\]$/g, ''));
  const bound = server.address();
  const actual = typeof bound === 'object' && bound ? bound.port : port;
  return { url: `${p.tls ? 'https' : 'http'}://${host}:${actual}`, close: () => closeServer(server) };
}

function tlsOptions(tls: ServerTls): Parameters<typeof createTlsServer>[0] {
  const client = tls.clientCa ? { ca: tls.clientCa, requestCert: true, rejectUnauthorized: false } : {};
  return { cert: tls.cert, key: tls.key, minVersion: 'TLSv1.2', ...client };
}

/** Whether the request came on a connection whose client showed a certificate of `clientCa`. */
export function showedCertificate(request: IncomingMessage): boolean {
  return request.socket instanceof TLSSocket && request.socket.authorized;
}

/** HOST:PORT, IPv6 in brackets. @throws UsageError */
export function splitAddress(address: string): { host: string; port: number } {
  const match = /^(\[[0-9a-f:.]+\]|[^:\s]+):(\d{1,5})$/i.exec(address);
  const port = Number(match?.[2]);
  if (!match?.[1] || port > 65_535) throw new UsageError(`${address}: expected HOST:PORT`);
  return { host: match[1], port };
}

function listening(server: Server, address: string, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === 'EADDRINUSE';
      const detail = { code: 'CLIENT_PORT_IN_USE' as const, address };
      reject(taken ? new ClientError(detail, `${address} is in use by another program`, { cause }) : cause);
    });
    server.listen(port, host, resolve);
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/**
 * Guard of a local surface against other programs' users and against pages in a browser (DNS rebinding, CSRF):
 * loopback Host, no foreign Origin, the token.
 * @returns what is wrong, or null
 */
export function localRefusal(request: IncomingMessage, token: string): 'Host' | 'Origin' | 'token' | null {
  return localRefusalOf(request, request.headers.authorization ?? '', `Bearer ${token}`);
}

/** The same for callers that can carry a token nowhere but in the URL: it is the path's first segment. */
export function localPathRefusal(request: IncomingMessage, token: string): 'Host' | 'Origin' | 'token' | null {
  return localRefusalOf(request, (request.url ?? '').split(/[/?]/)[1] ?? '', token);
}

function localRefusalOf(request: IncomingMessage, given: string, wanted: string): 'Host' | 'Origin' | 'token' | null {
  const host = (request.headers.host ?? '').toLowerCase();
  if (!isLoopback(host.replace(/:\d+$/, ''))) return 'Host';
  const origin = request.headers.origin;
  if (origin !== undefined && origin !== `http://${host}`) return 'Origin';
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b) ? null : 'token';
}

const reasons: Record<number, string> = {
  400: 'the request is malformed: its path, its length or its JSON',
  413: 'the body is too large',
  415: 'the body has an encoding that is not taken',
};

/** The 4xx status, with its reason, of a request that the framework could not read; null for any other error. */
export function unreadableRequest(error: unknown): { status: number; reason: string } | null {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  if (typeof status !== 'number' || status < 400 || status >= 500) return null;
  return { status, reason: reasons[status] ?? 'the request is malformed' };
}

/** Where it was thrown: the stack without the words before it, which may hold what a request said; '' for what has none. */
export function placeOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const at = stack.indexOf('\n    at ');
  return at < 0 ? '' : stack.slice(at).trim();
}
