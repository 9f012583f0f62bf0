/** Which audit messages the disclosure records become, and that none is lost between the two. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { nobleVerifier, SecretKey } from '@radpass/core';
import { type DisclosureRecord, type DisclosureStore, memoryDisclosureLog, openDisclosureStore } from '@radpass/xds';
import { needs } from '../../../tools/needs.mjs';
import { Collector } from '../../../tools/rsyslog.mjs';
import { type GatewayAudit, startGatewayAudit } from '../dist/auditTrail.js';

const record = (kind: 'served' | 'refused', changes: Partial<DisclosureRecord> = {}): DisclosureRecord => ({
  kind,
  time: 1_800_000_000_000,
  requester: '0d'.repeat(32),
  owner: '0e'.repeat(32),
  studyHash: '0b'.repeat(32),
  messageId: 'urn:uuid:1',
  requestDigest: '',
  reason: kind === 'served' ? '' : 'revoked',
  grade: kind === 'served' ? 'final' : '',
  checkpoint: null,
  grantSeq: 1,
  policy: { maxStalenessMs: 1, maxAheadMs: 1, maxSilenceMs: 1, skewMs: 1 },
  responseDigest: '',
  request: new Uint8Array(),
  proof: '',
  omitted: 0,
  ...changes,
});

needs('rsyslog', describe)('audit messages of the gateway', () => {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-audit-'));
  const cursorFile = join(folder, 'audit.cursor');
  const log = memoryDisclosureLog();
  const logged: string[] = [];
  let disclosures: DisclosureStore;
  let collector: Collector;
  const start = (): Promise<GatewayAudit> =>
    startGatewayAudit({
      audit: collector.setting(),
      url: 'https://images.example/radpass',
      repositoryUniqueId: '0a'.repeat(32),
      disclosures,
      cursorFile,
      log: (event, fields) => logged.push(JSON.stringify({ event, ...fields })),
    });
  const told = async (count: number): Promise<string[]> => {
    const lines = await collector.waitFor(count);
    return lines.map(line => {
      const outcome = /EventOutcomeIndicator="(\d+)"/.exec(line)?.[1];
      const reason = /<EventOutcomeDescription>([^<]*)/.exec(line)?.[1] ?? '';
      const address = /NetworkAccessPointID="(192[^"]*)"/.exec(line)?.[1] ?? '';
      return `${outcome} ${reason} ${address}`.trim().replace(/ +/g, ' ');
    });
  };
  /** Wait until the collector has heard of everything up to `seq`. */
  const heard = async (seq: number): Promise<void> => {
    for (let i = 0; i < 200 && readCursor() !== seq; i++) await new Promise(resolve => setTimeout(resolve, 50));
    expect(readCursor()).toBe(seq);
  };
  function readCursor(): number {
    try {
      return Number(readFileSync(cursorFile, 'utf8'));
    } catch {
      return 0;
    }
  }

  beforeAll(async () => {
    const key = SecretKey.fromSeed(new Uint8Array(32).fill(1), 'source');
    disclosures = await openDisclosureStore({ log, key, chainId: new Uint8Array(32), verifier: nobleVerifier });
    collector = new Collector(folder);
    await collector.start();
  }, 30_000);
  afterAll(async () => {
    await collector.stop();
    rmSync(folder, { recursive: true });
  });

  it('are one for each that was served, refused or broke off, and none for a stranger or an end that was good', async () => {
    const audit = await start();
    const remote = '::ffff:192.0.2.7';
    const served = record('served');
    audit.onRetrieval({ kind: 'served', seq: await disclosures.append(served), record: served, remote });
    await disclosures.append(record('refused'));
    await disclosures.append(record('refused', { requester: '', reason: 'signature' }));
    const good = { time: 1_800_000_000_500, reason: '', bytesSent: 9 } as const;
    await disclosures.close(1, { ...good, outcome: 'complete' });
    const second = await disclosures.append(record('served'));
    await disclosures.close(second, { ...good, outcome: 'stopped', reason: 'revoked' });
    audit.onRetrieval({ kind: 'failed', error: null });
    await heard(6);
    await audit.stop();
    expect(await told(4)).toEqual(['0 192.0.2.7', '4 revoked', '0', '8 stopped revoked after 9 bytes']);
    expect(collector.received()[0]).toContain(`ParticipantObjectID="${'0e'.repeat(32)}"`);
  });

  it('are sent after a crash and after the collector was down, each once, in order', async () => {
    await disclosures.append(record('refused', { reason: 'no-grant' }));
    await collector.stop();
    const cutOff = await start();
    await new Promise(resolve => setTimeout(resolve, 300));
    await disclosures.append(record('refused', { reason: 'grant-expired' }));
    await cutOff.stop();
    expect(readCursor()).toBe(6);
    await collector.start();
    const again = await start();
    await heard(8);
    await again.stop();
    expect((await told(6)).slice(4)).toEqual(['4 no-grant', '4 grant-expired']);
    expect(logged).toContain('{"event":"audit-failed","reason":"XDS_AUDIT_DELIVERY"}');
  });
});
