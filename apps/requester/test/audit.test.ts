/** The requester's audit messages: on disk before anything else, in order, and with a real collector each told once. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { InboxGrant } from '@radpass/client';
import { SecretKey } from '@radpass/core';
import { needs } from '../../../tools/needs.mjs';
import { Collector } from '../../../tools/rsyslog.mjs';
import { openRequesterAudit, type RequesterAudit } from '../dist/audit.js';
import { openAuditSpool } from '../dist/auditSpool.js';

const keyOf = (n: number) => SecretKey.fromSeed(new Uint8Array(32).fill(n)).publicKey;
const grant: InboxGrant = {
  grant: 1,
  label: 'Dr. Canary',
  patientKey: keyOf(1),
  requesterKey: keyOf(2),
  sourceKey: keyOf(3),
  studyHash: new Uint8Array(32).fill(11),
  notAfter: 0,
  state: 'allowed',
  source: {
    sourceKey: keyOf(3),
    standingKey: keyOf(3),
    nodeKey: keyOf(3),
    url: 'https://images.example/radpass',
    seq: 1,
    tlsPins: [],
    nextKeyHash: new Uint8Array(),
    studyCount: 0,
  },
  retrieved: false,
  recordNumber: 'MRN-CANARY',
};

describe('the spool of audit messages', () => {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-spool-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const message = (time: number) => ({ time, host: 'reader.example', processId: 1, text: `<m t="${time}"/>` });

  it('gives what was added in order, to any process, until it was delivered', async () => {
    const [first, second] = [openAuditSpool(folder), openAuditSpool(folder)];
    await first.add(message(2_000));
    await second.add(message(1_000));
    await second.add(message(3_000));
    const batch = await first.next(2);
    expect(batch?.messages.map(({ time }) => time)).toEqual([1_000, 2_000]);
    await second.add(message(500));
    await first.delivered(batch!.upTo);
    expect((await first.next(9))?.messages.map(({ time }) => time)).toEqual([500, 3_000]);
    await first.delivered('');
    expect(await second.next(9)).toBeNull();
  });

  it('is bounded, and what waits already is what stays', async () => {
    const full = openAuditSpool(join(folder, 'full'), 2);
    await full.add(message(2_000));
    await full.add(message(3_000));
    await expect(full.add(message(1_000))).rejects.toMatchObject({ code: 'REQUESTER_AUDIT_FULL' });
    expect((await full.next(9))?.messages.map(({ time }) => time)).toEqual([2_000, 3_000]);
  });
});

needs('rsyslog', describe)('audit messages of the requester', () => {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-import-'));
  const spoolFolder = join(folder, 'spool');
  const reported: string[] = [];
  let collector: Collector;
  const open = (): RequesterAudit => {
    const { syslog, ...files } = collector.setting();
    const [ca = '', cert = '', key = ''] = [files.ca, files.cert, files.key].map(path => readFileSync(path, 'utf8'));
    const now = () => 1_800_000_000_000;
    return openRequesterAudit({ settings: { syslog, ca, cert, key }, spoolFolder, now, report: c => reported.push(c) });
  };

  beforeAll(async () => {
    collector = new Collector(folder);
    await collector.start();
  }, 30_000);
  afterAll(async () => {
    await collector.stop();
    rmSync(folder, { recursive: true });
  });

  it('are one for each study that came, was refused or failed, by the keys alone, whether the collector is up or not', async () => {
    await collector.stop();
    const away = open();
    await away.imported(grant, null);
    await away.imported(grant, 'XDS_REFUSED');
    expect(await away.flush(500)).toBe(false);
    await away.stop();
    expect(readdirSync(spoolFolder)).toHaveLength(2);
    expect(reported).toEqual(['XDS_AUDIT_DELIVERY']);

    await collector.start();
    const back = open();
    await back.imported(grant, 'XDS_DIGEST');
    expect(await back.flush(10_000)).toBe(true);
    await back.stop();
    const lines = await collector.waitFor(3);
    expect(lines.map(line => /EventOutcomeIndicator="(\d+)"/.exec(line)?.[1])).toEqual(['0', '4', '8']);
    for (const line of lines) {
      expect(line).toContain('csd-code="110107"');
      expect(line).toContain(`ParticipantObjectID="${'0b'.repeat(32)}"`);
      expect(line).not.toContain('Canary');
      expect(line).not.toContain('MRN-CANARY');
    }
    expect(readdirSync(spoolFolder)).toEqual([]);
  });
});
