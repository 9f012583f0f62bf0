/** Delivery of audit records to a real rsyslogd, which only takes them from a client certificate that it knows. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { needs } from '../../../tools/needs.mjs';
import { Collector } from '../../../tools/rsyslog.mjs';
import { type AuditQueue, type SyslogMessage, startAuditTrail } from '../dist/index.js';
import { type SyslogTarget, sendSyslog } from '../dist/node/index.js';

const message = (n: number): SyslogMessage => ({
  time: 1_800_000_000_000 + n,
  host: 'gateway.example',
  processId: 7,
  text: `<AuditMessage n="${n}">${'ü'.repeat(n % 7 === 0 ? 4_000 : 10)}</AuditMessage>`,
});

/** A queue in memory whose place is the number of the message. */
function queueOf(messages: SyslogMessage[]): AuditQueue & { left(): number } {
  let done = 0;
  return {
    left: () => messages.length - done,
    async next(max) {
      if (done === messages.length) return null;
      const batch = messages.slice(done, done + max);
      return { upTo: String(done + batch.length), messages: batch };
    },
    async delivered(upTo) {
      done = Number(upTo);
    },
  };
}

needs('rsyslog', describe)('delivery to rsyslog', () => {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-rsyslog-'));
  let collector: Collector;
  const target = (client: 'gateway' | 'stranger' = 'gateway'): SyslogTarget => {
    const { ca, cert, key } = collector.setting(client);
    const [caPem = '', certPem = '', keyPem = ''] = [ca, cert, key].map(path => readFileSync(path, 'utf8'));
    return { host: '127.0.0.1', port: collector.port, ca: caPem, cert: certPem, key: keyPem };
  };

  beforeAll(async () => {
    collector = new Collector(folder);
    await collector.start();
  }, 30_000);
  afterAll(async () => {
    await collector.stop();
    rmSync(folder, { recursive: true });
  });

  it('brings every record whole, in order', async () => {
    await sendSyslog(
      target(),
      Array.from({ length: 50 }, (_, i) => message(i)),
    );
    const lines = await collector.waitFor(50);
    expect(lines.map(line => Number(/n="(\d+)"/.exec(line)?.[1]))).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(lines[0]).toMatch(
      /^10 5 gateway\.example radpass 7 IHE\+RFC-3881 \ufeff?<AuditMessage n="0">ü{4000}<\/AuditMessage>$/,
    );
  });

  it('never believes that it delivered with a certificate that is not accepted, nor to a collector that is another', async () => {
    const before = collector.received().length;
    const refused = { code: 'XDS_AUDIT_DELIVERY', detail: { reason: 'refused' } };
    await expect(sendSyslog(target('stranger'), [message(1)])).rejects.toMatchObject(refused);
    const { ca, ...others } = target();
    await expect(sendSyslog({ ...others, ca: others.cert }, [message(1)])).rejects.toMatchObject(refused);
    await expect(sendSyslog({ ...others, ca, host: 'localhost.example' }, [message(1)])).rejects.toMatchObject(refused);
    expect(collector.received()).toHaveLength(before);
  });

  it('loses nothing while the collector is down, and goes on when it is back', async () => {
    const before = collector.received().length;
    await collector.stop();
    const queue = queueOf(Array.from({ length: 30 }, (_, i) => message(100 + i)));
    const told: unknown[] = [];
    const trail = startAuditTrail({
      queue,
      deliver: messages => sendSyslog(target(), messages),
      report: failure => told.push(failure),
    });
    const whileDown = await trail.flush(300);
    const kept = queue.left();
    await collector.start();
    const whenBack = await trail.flush(10_000);
    await trail.stop();
    expect([whileDown, kept, whenBack]).toEqual([false, 30, true]);
    expect(queue.left()).toBe(0);
    const lines = (await collector.waitFor(before + 30)).slice(before);
    expect(lines.map(line => Number(/n="(\d+)"/.exec(line)?.[1]))).toEqual(
      Array.from({ length: 30 }, (_, i) => 100 + i),
    );
    expect(told).toEqual([expect.objectContaining({ code: 'XDS_AUDIT_DELIVERY' }), null]);
  }, 30_000);

  it.each<[string, string, (socket: TLSSocket) => void]>([
    ['refused', 'leaves in the middle', socket => socket.once('data', () => socket.destroy())],
    ['refused', 'ends before anything came', socket => socket.end()],
    ['silent', 'never answers the end', socket => socket.resume()],
  ])('is %s by a server that %s', async (reason, _what, behave) => {
    const { cert, key, ca } = target();
    const read = (ending: string): string => readFileSync(join(folder, `collector.${ending}`), 'utf8');
    const server = createServer({ cert: read('crt'), key: read('key'), allowHalfOpen: true }, socket => {
      socket.on('error', () => undefined);
      behave(socket);
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const many = Array.from({ length: 100 }, (_, i) => message(7 * i));
    const sent = sendSyslog({ host: '127.0.0.1', port, ca, cert, key }, many, {
      settleMs: 100,
      timeoutMs: 1_500,
    }).finally(() => server.close());
    await expect(sent).rejects.toMatchObject({ code: 'XDS_AUDIT_DELIVERY', detail: { reason } });
  });
});
