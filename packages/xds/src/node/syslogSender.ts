/**
 * Syslog over TLS (RFC 5425) with a client certificate: one connection carries a batch, and the batch counts as
 * delivered only when the connection ended well.
 *
 * Syslog acknowledges nothing, so the ends of the connection have to speak. With TLS 1.3 the client is done before the
 * server has looked at its certificate: a sender that only writes believes that it delivered to a server that refused
 * it. So we read, too. Nothing is written before the server has kept the connection open for `settleMs` (a session
 * ticket proves nothing: some servers judge the certificate after the handshake); after the last byte we close our half
 * and wait for the server's: it closes in order only when it has read everything before. An end that comes first, an
 * alert, a reset or silence is a failure, and the batch is sent again.
 */
import { once } from 'node:events';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { XdsError } from '../errors.js';
import { frameSyslog, type SyslogMessage } from '../syslog.js';

/** PEM texts; the collector must be signed by `ca` and named `host`. */
export interface SyslogTarget {
  host: string;
  port: number;
  ca: string;
  cert: string;
  key: string;
}

export const syslogTimes = {
  /** For how long the server must have kept the connection open before anything is written. */
  settleMs: 1_000,
  /** For the whole batch. */
  timeoutMs: 20_000,
} as const;

/**
 * Deliver a batch in order.
 * @throws XdsError XDS_AUDIT_DELIVERY {reason}: refused = closed before we were done, its cause attached; silent = no
 * end within the time
 */
export async function sendSyslog(
  target: SyslogTarget,
  messages: readonly SyslogMessage[],
  options: { settleMs?: number; timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<void> {
  const { settleMs, timeoutMs, signal } = { ...syslogTimes, ...options };
  const { host, port, ca, cert, key } = target;
  const servername = isIP(host) === 0 ? host : '';
  const socket = connect({ host, port, ca, cert, key, servername, minVersion: 'TLSv1.2' });
  let failure: unknown;
  let timedOut = false;
  socket.on('error', error => {
    failure ??= error;
  });
  const timer = setTimeout(() => {
    timedOut = true;
    socket.destroy();
  }, timeoutMs);
  const abandon = (): void => void socket.destroy();
  signal?.addEventListener('abort', abandon);
  try {
    await exchange(socket, messages, settleMs);
    if (failure !== undefined) throw failure;
  } catch (cause) {
    const reason = timedOut ? 'silent' : 'refused';
    throw new XdsError(
      { code: 'XDS_AUDIT_DELIVERY', reason },
      `the audit collector did not take the records: ${reason}`,
      {
        cause: failure ?? cause,
      },
    );
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abandon);
    socket.destroy();
  }
}

async function exchange(socket: TLSSocket, messages: readonly SyslogMessage[], settleMs: number): Promise<void> {
  let ended = false;
  let closed = false;
  const over = new Promise<void>(resolve => {
    socket.once('end', () => {
      ended = true;
      resolve();
    });
    socket.once('close', () => {
      closed = true;
      resolve();
    });
  });
  // A collector has nothing to say; reading is how its alert or end reaches us.
  socket.resume();
  await Promise.race([once(socket, 'secureConnect'), over]);
  await Promise.race([over, delay(settleMs)]);
  for (const message of messages) {
    if (ended || closed) throw new Error('the connection ended before everything was sent');
    if (!socket.write(frameSyslog(message))) await Promise.race([once(socket, 'drain'), over]);
  }
  if (ended || closed) throw new Error('the connection ended before everything was sent');
  socket.end();
  await over;
  if (!ended) throw new Error('the connection broke');
}

function delay(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms).unref());
}
