/**
 * The one way out: an https request to an address that was checked. Its order is the protection:
 * resolve once, refuse unless every answer is public, connect to the first of exactly those, verify the certificate
 * for the name, compare its key with the pins, and only then send. Redirects are answers like any other
 * (the caller sees their status), no shared agent, no resumed sessions. Verification has no off switch. Through a proxy
 * the order stays: it is asked for the checked address, not for the name. Only with `allowPrivate` it is asked for the
 * name, unresolved, as networks whose names only the proxy can resolve need it; what may be reached is the proxy's rule then.
 */
import { createHash, X509Certificate } from 'node:crypto';
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate, rootCertificates, connect as tlsConnect } from 'node:tls';
import { equalBytes } from '@radpass/core';
import { XdsError } from '../errors.js';
import { openTunnel, parseProxy } from './proxyTunnel.js';
import { isPublicAddress } from './publicAddress.js';

export interface GuardedOptions {
  /** PEM certificates to trust beside the system's: one hospital's own authority closes the way to no other. */
  ca?: string;
  /** Permit loopback, private networks and low ports: for a hospital's own network and for trials. */
  allowPrivate?: boolean;
  /** SHA-256 of the server's SubjectPublicKeyInfo, 32 bytes each; when not empty, one of them must be it. */
  pins?: readonly Uint8Array[];
  /** From the call to the response's headers, default 30 s. */
  headersTimeoutMs?: number;
  /** Longest silence while the body arrives, default 30 s. */
  idleTimeoutMs?: number;
  /** PEM of the own certificate, for servers that ask for one. */
  cert?: string;
  key?: string;
  /** Forward proxy, as `parseProxy` takes it. */
  proxy?: string;
  /** Names to addresses; the system's resolver unless a test hands in its own. */
  resolve?: (host: string) => Promise<LookupAddress[]>;
}

/** What the operator's configuration says of the way out. */
export type ConnectSettings = Pick<GuardedOptions, 'ca' | 'allowPrivate' | 'cert' | 'key' | 'proxy'>;

export interface GuardedRequest {
  method: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: Uint8Array;
}

export interface GuardedResponse {
  status: number;
  contentType: string;
  /** Content-Length, when the server announced one. */
  contentLength: number | undefined;
  /** The body; throws XDS_CONNECTION when the connection ends before the body does. Leaving the loop closes the connection. */
  stream: AsyncIterable<Uint8Array>;
  /** Close the connection without reading the rest. */
  close(): void;
}

const maxHeaderBytes = 16_384;

function refuse(
  reason: 'url' | 'port' | 'unresolved' | 'not-public',
  message: string,
  options?: { cause: unknown },
): never {
  throw new XdsError({ code: 'XDS_DESTINATION', reason }, message, options);
}

function parseDestination(text: string, allowPrivate: boolean): URL {
  if (!URL.canParse(text)) refuse('url', 'not a URL');
  const url = new URL(text);
  if (url.protocol !== 'https:') refuse('url', `expected https, got ${url.protocol}`);
  if (url.username !== '' || url.password !== '') refuse('url', 'a URL with user information');
  const port = url.port === '' ? 443 : Number(url.port);
  if (!allowPrivate && port !== 443 && port < 1024) refuse('port', `port ${port} is neither 443 nor above 1023`);
  return url;
}

async function resolveHost(host: string, options: GuardedOptions): Promise<LookupAddress> {
  const family = isIP(host);
  const resolve = options.resolve ?? (name => lookup(name, { all: true }));
  let addresses: LookupAddress[];
  try {
    addresses = family === 0 ? await resolve(host) : [{ address: host, family }];
  } catch (cause) {
    return refuse('unresolved', `${host} does not resolve`, { cause });
  }
  const [first] = addresses;
  if (first === undefined) return refuse('unresolved', `${host} has no address`);
  // One private answer among public ones is an attempt to choose between them later: refuse them all.
  if (!options.allowPrivate && !addresses.every(({ address }) => isPublicAddress(address))) {
    return refuse('not-public', `${host} is not on the public network`);
  }
  return first;
}

/** node:tls calls this after the chain was verified and before anything is sent. */
function checkIdentity(pins: readonly Uint8Array[]): (host: string, certificate: PeerCertificate) => Error | undefined {
  return (host, certificate) => {
    const wrongName = checkServerIdentity(host, certificate);
    if (wrongName !== undefined || pins.length === 0) return wrongName;
    const spki = new X509Certificate(certificate.raw).publicKey.export({ type: 'spki', format: 'der' });
    const digest = createHash('sha256').update(spki).digest();
    if (pins.some(pin => equalBytes(pin, digest))) return undefined;
    return new XdsError({ code: 'XDS_TLS_PIN' }, "the server's TLS key is none of those that the source published");
  };
}

function connectionLost(cause: unknown, phase: 'request' | 'answer', message: string): XdsError {
  return cause instanceof XdsError ? cause : new XdsError({ code: 'XDS_CONNECTION', phase }, message, { cause });
}

async function* read(response: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response) yield chunk as Uint8Array;
    if (!response.complete) throw new Error('the message is not complete');
  } catch (cause) {
    throw connectionLost(cause, 'answer', 'the connection ended before the answer did');
  } finally {
    response.destroy();
  }
}

/**
 * Send one request and wait for the answer's headers.
 *
 * @throws XdsError XDS_DESTINATION {reason} before any packet leaves; XDS_TLS_PIN; XDS_CONNECTION for everything that
 * the network or TLS does, its cause attached
 */
export async function guardedConnect(
  url: string,
  outgoing: GuardedRequest,
  options: GuardedOptions = {},
): Promise<GuardedResponse> {
  const allowPrivate = options.allowPrivate ?? false;
  const target = parseDestination(url, allowPrivate);
  const host = target.hostname.replace(/^\[|\]$/g, '');
  const port = target.port === '' ? 443 : Number(target.port);
  const proxy = options.proxy === undefined ? null : parseProxy(options.proxy);
  const asksByName = proxy !== null && allowPrivate;
  const address = asksByName ? host : (await resolveHost(host, options)).address;
  const tunnel = proxy && (await openTunnel(proxy, address, port));

  return await new Promise<GuardedResponse>((resolve, reject) => {
    const tls = {
      servername: isIP(host) === 0 ? host : '',
      minVersion: 'TLSv1.2' as const,
      checkServerIdentity: checkIdentity(options.pins ?? []),
      ...(options.ca === undefined ? {} : { ca: [...rootCertificates, options.ca] }),
      ...(options.cert === undefined ? {} : { cert: options.cert, key: options.key }),
    };
    const sent = request({
      ...tls,
      host: address,
      port,
      // node:https leaves createConnection aside where it is told of an agent, be it `false`.
      ...(tunnel
        ? { createConnection: () => tlsConnect({ ...tls, host: isIP(host) === 0 ? host : address, socket: tunnel }) }
        : { agent: false }),
      path: target.pathname + target.search,
      method: outgoing.method,
      headers: { ...outgoing.headers, host: target.host, 'content-length': outgoing.body?.length ?? 0 },
      maxHeaderSize: maxHeaderBytes,
    });
    const headersTimer = setTimeout(
      () => sent.destroy(new Error('no answer in time')),
      options.headersTimeoutMs ?? 30_000,
    );
    sent.setTimeout(options.idleTimeoutMs ?? 30_000, () => sent.destroy(new Error('the connection is silent')));
    // More than once, perhaps: what fails after the headers reaches the reader of the body as well.
    sent.on('error', cause => {
      clearTimeout(headersTimer);
      reject(connectionLost(cause, 'request', `no answer from ${host}`));
    });
    sent.once('response', response => {
      clearTimeout(headersTimer);
      const length = response.headers['content-length'];
      resolve({
        status: response.statusCode ?? 0,
        contentType: response.headers['content-type'] ?? '',
        contentLength: length === undefined ? undefined : Number(length),
        stream: read(response),
        close: () => response.destroy(),
      });
    });
    sent.end(outgoing.body);
  });
}

/**
 * The same for small answers: reads the whole body.
 * @throws XdsError XDS_TOO_LARGE when the body exceeds `maxBytes`, and whatever `guardedConnect` throws
 */
export async function guardedFetch(
  url: string,
  outgoing: GuardedRequest,
  options: GuardedOptions & { maxBytes: number },
): Promise<{ status: number; contentType: string; body: Uint8Array }> {
  const answer = await guardedConnect(url, outgoing, options);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.stream) {
    size += chunk.length;
    if (size > options.maxBytes) {
      throw new XdsError(
        { code: 'XDS_TOO_LARGE', what: 'answer', maxBytes: options.maxBytes },
        `the answer exceeds ${options.maxBytes} bytes`,
      );
    }
    chunks.push(chunk);
  }
  return { status: answer.status, contentType: answer.contentType, body: Buffer.concat(chunks) };
}
