/**
 * A fetch over node:http and node:https for addresses that the operator wrote into a configuration.
 * It trusts the given CA beside the system's, follows no redirect, caps the answer and never waits for ever.
 * Addresses that come from the ledger or from strangers go through the guarded connection of @radpass/xds instead.
 */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { connect, rootCertificates } from 'node:tls';
import type { Fetch } from '../http.js';

const maxAnswerBytes = 4 * 1024 * 1024;
const defaultTimeoutMs = 15_000;

export interface NodeFetchInit {
  /** PEM of an authority to trust beside the system's. */
  ca?: string;
  /** Longest silence on the connection, in ms. */
  timeoutMs?: number;
  /** A way through a forward proxy, for addresses that aren't loopback. */
  tunnel?: ((host: string, port: number) => Promise<Socket>) | undefined;
}

/** Make a fetch. Plain http is refused but for loopback. */
export function nodeFetch(p: NodeFetchInit = {}): Fetch {
  const timeout = p.timeoutMs ?? defaultTimeoutMs;
  return async (url, init = {}) => {
    const target = new URL(url);
    if (target.protocol === 'http:' && !isLoopback(target.hostname))
      throw new Error(`${target.host}: plain http is for loopback only`);
    const options: RequestOptions & { ca?: string[]; minVersion?: 'TLSv1.2' } = {
      method: init.method ?? 'GET',
      headers: { ...init.headers, ...(init.body ? { 'content-length': Buffer.byteLength(init.body) } : {}) },
      timeout,
      ...(init.signal ? { signal: init.signal } : {}),
      ...(p.ca ? { ca: [...rootCertificates, p.ca] } : {}),
      minVersion: 'TLSv1.2',
      ...(await throughTunnel(p, target)),
    };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = target.protocol === 'https:' ? httpsRequest(target, options) : httpRequest(target, options);
      request.on('timeout', () => request.destroy(new Error(`no answer within ${timeout} ms`)));
      request.on('error', reject);
      request.on('response', resolve);
      request.end(init.body);
    });
    return {
      status: answer.statusCode ?? 0,
      headers: { get: name => String(answer.headers[name.toLowerCase()] ?? '') || null },
      body: answer,
      arrayBuffer: () => collect(answer),
    };
  };
}

/** TLS over the tunnel, checked for the name as without it. */
async function throughTunnel(p: NodeFetchInit, target: URL): Promise<Pick<RequestOptions, 'createConnection'>> {
  if (!p.tunnel || isLoopback(target.hostname)) return {};
  const host = target.hostname.replace(/^\[|\]$/g, '');
  const socket = await p.tunnel(host, target.port === '' ? 443 : Number(target.port));
  const ca = p.ca ? { ca: [...rootCertificates, p.ca] } : {};
  const servername = isIP(host) === 0 ? { servername: host } : {};
  // No `agent: false`: node:https would leave createConnection aside and connect by itself.
  return {
    createConnection: () => connect({ socket, host, minVersion: 'TLSv1.2', ...ca, ...servername }),
  };
}

/** 127.0.0.0/8, ::1 and localhost. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname === '::1' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

async function collect(answer: IncomingMessage): Promise<ArrayBuffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxAnswerBytes) {
      answer.destroy();
      throw new Error(`the answer is longer than ${maxAnswerBytes} bytes`);
    }
    chunks.push(chunk);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all.buffer;
}
