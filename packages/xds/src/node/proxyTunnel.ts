/**
 * A way out through the hospital's forward proxy (RFC 9110, 9.3.6): CONNECT, and then bytes both ways. What goes through
 * is TLS to the far end, checked there as without a proxy; the proxy sees host, port and volume, and can only refuse.
 */
import { request } from 'node:http';
import { isIPv6, type Socket } from 'node:net';
import { XdsError } from '../errors.js';

const timeoutMs = 15_000;
const maxHeaderBytes = 8_192;

/** "http://HOST:PORT", with "user:password@" where the proxy wants it. @throws XdsError XDS_DESTINATION */
export function parseProxy(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol === 'http:' && url.hostname !== '' && url.pathname === '/' && url.search === '') return url;
  throw new XdsError({ code: 'XDS_DESTINATION', reason: 'proxy' }, 'expected a proxy like http://proxy.example:3128');
}

/**
 * A connection to `host`:`port` through the proxy.
 * @throws XdsError XDS_PROXY {status}: the proxy refused; 0 = it could not be reached or did not answer in time
 */
export function openTunnel(proxy: URL, host: string, port: number): Promise<Socket> {
  const target = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const user = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const authorization = { 'proxy-authorization': `Basic ${Buffer.from(user).toString('base64')}` };
  return new Promise((resolve, reject) => {
    const refuse = (status: number, cause?: unknown): void => {
      const text = status === 0 ? 'the proxy does not answer' : `the proxy answered ${status}`;
      reject(new XdsError({ code: 'XDS_PROXY', status }, text, { cause }));
    };
    const sent = request({
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port === '' ? 80 : Number(proxy.port),
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...(user === ':' ? {} : authorization) },
      agent: false,
      maxHeaderSize: maxHeaderBytes,
    });
    const timer = setTimeout(() => sent.destroy(new Error('no answer in time')), timeoutMs);
    sent.once('connect', (answer, socket: Socket, head) => {
      clearTimeout(timer);
      const status = answer.statusCode ?? 0;
      // A server that speaks TLS is silent until it is spoken to: bytes that came already are nobody's.
      if (status === 200 && head.length === 0) return resolve(socket);
      socket.destroy();
      refuse(status === 200 ? 0 : status);
    });
    sent.once('response', answer => {
      clearTimeout(timer);
      sent.destroy();
      refuse(answer.statusCode ?? 0);
    });
    sent.on('error', cause => {
      clearTimeout(timer);
      refuse(0, cause);
    });
    sent.end();
  });
}
