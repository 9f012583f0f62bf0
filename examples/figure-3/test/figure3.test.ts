/** One whole run, left standing: what it reports is asked of the nodes and of the gateway's audit. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRetrieveRequest } from '@radpass/xds';
import type { Report } from '../dist/report.js';
import { post, readOutcome } from '../dist/wire.js';
import { type Demo, isRunning, startDemo, untilGone } from './demoProcess.js';
import { readPemKey } from './pemKey.js';

const runTimeoutMs = 150_000;

interface DemoFile {
  gatewayUrl: string;
  caFile: string;
  repositoryUniqueId: string;
  documentUniqueId: string;
  salt: string;
  studyInstanceUID: string;
  documentSha256: string;
  requester: { publicKey: string; pkcs8File: string; spkiFile: string };
  stranger: DemoFile['requester'];
  revoked: { requester: DemoFile['requester']; documentUniqueId: string };
  patient: { publicKey: string };
  nodes: { api: string; dataDir: string; pid: number }[];
  gateway: { pid: number; dataDir: string; desk: string };
}

interface AuditEntry {
  kind: string;
  reason: string;
  requester: string;
  owner: string;
  studyHash: string;
}

describe('figure 3', () => {
  const dir = mkdtempSync(join(tmpdir(), 'radpass-figure-3-'));
  let demo: Demo;
  let report: Report;
  let file: DemoFile;
  let tookMs: number;

  beforeAll(async () => {
    const startedAt = Date.now();
    demo = startDemo(['--serve', '--json', '--out', join(dir, 'run')]);
    report = JSON.parse(await demo.line('stdout', /^\{/)) as Report;
    tookMs = Date.now() - startedAt;
    file = JSON.parse(readFileSync(join(dir, 'run', 'demo.json'), 'utf8')) as DemoFile;
  }, runTimeoutMs);

  afterAll(async () => {
    demo.child.kill('SIGKILL');
    await demo.ended;
    rmSync(dir, { recursive: true, force: true });
  });

  const ask = async (url: string, headers: Record<string, string> = {}): Promise<unknown> => {
    const answer = await fetch(url, { headers });
    expect(answer.status).toBe(200);
    return answer.json();
  };

  const audit = async (): Promise<AuditEntry[]> => {
    const token = readFileSync(join(file.gateway.dataDir, 'desk.token'), 'utf8').trim();
    const url = `${file.gateway.desk}/v1/disclosures`;
    const { disclosures } = (await ask(url, { authorization: `Bearer ${token}` })) as { disclosures: AuditEntry[] };
    return disclosures;
  };

  const send = async (by: DemoFile['requester']) => {
    const documents = [{ repositoryUniqueId: file.repositoryUniqueId, documentUniqueId: file.documentUniqueId }];
    const key = readPemKey(by);
    const message = createRetrieveRequest({ key, to: file.gatewayUrl, documents, now: Date.now() });
    const answer = await post(file.gatewayUrl, readFileSync(file.caFile, 'utf8'), message);
    return { answer, ...(await readOutcome(answer, message, file.repositoryUniqueId)) };
  };

  it('walks blocks A to D in their order', () => {
    expect(report.ok).toBe(true);
    expect(report.steps.map(({ block }) => block).join('')).toBe('ABCDCCC');
    expect(report.steps.every(({ grade }) => grade === 'final')).toBe(true);
    const [a, b, c, d] = report.steps.map(({ notation }) => notation);
    expect(a).toMatch(/^\{K_H=\w{8}, URL_H=https:.*\}K_H⁻¹$/);
    expect(b).toMatch(/^\{K_H=\w{8}, \{K_P=\w{8}, K_H=\w{8}, Hash\(UID_X\)=\w{8}\}K_P⁻¹\}K_H⁻¹$/);
    expect(c).toMatch(/^\{K_P=\w{8}, K_D=\w{8}, K_H=\w{8}, Hash\(UID_X\)=\w{8}\}K_P⁻¹$/);
    expect(d).toMatch(/^\{repositoryUniqueId=K_H=\w{8}, documentUniqueId=Hash\(UID_X\)=\w{8}\}K_D=\w{8}⁻¹$/);
  });

  it('reports transactions that every node has as final, in the block and in the words reported', async () => {
    for (const { api } of file.nodes) {
      for (const step of report.steps) {
        const entry = (await ask(`${api}/v1/transactions/${step.txId}`)) as Record<string, unknown>;
        expect(entry).toMatchObject({ id: step.txId, grade: 'final', height: step.height });
        if (step.block !== 'D') expect(entry.notation).toBe(step.notation);
        const block = (await ask(`${api}/v1/blocks/${step.height}`)) as { transactions: string[] };
        expect(block.transactions).toContain(step.txId);
      }
    }
  });

  it("reports refusals that the gateway's audit has, one record each", async () => {
    const reasons = (await audit()).filter(({ kind }) => kind === 'refused').map(({ reason }) => reason);
    expect(reasons).toEqual(report.refusals.map(({ auditReason }) => auditReason));
    expect(report.refusals).toEqual([
      { name: 'stranger', httpStatus: 200, code: 'XDSDocumentUniqueIdError', auditReason: 'no-grant', bytesSent: 0 },
      {
        name: 'another-repository',
        httpStatus: 200,
        code: 'XDSUnknownRepositoryId',
        auditReason: 'repository',
        bytesSent: 0,
      },
      { name: 'replay', httpStatus: 400, code: 'InvalidSecurity', auditReason: 'replay', bytesSent: 0 },
      { name: 'one-byte-changed', httpStatus: 400, code: 'FailedCheck', auditReason: 'signature', bytesSent: 0 },
      { name: 'revoked', httpStatus: 200, code: 'XDSDocumentUniqueIdError', auditReason: 'revoked', bytesSent: 0 },
      { name: 'cut-off', httpStatus: 200, code: 'XDSRepositoryError', auditReason: 'ledger-stale', bytesSent: 0 },
    ]);
  });

  it('was served four times, to keys that the patient allowed', async () => {
    const served = (await audit()).filter(({ kind }) => kind === 'served');
    expect(served).toHaveLength(4);
    expect(new Set(served.map(({ requester }) => requester)).size).toBe(3);
    expect(new Set(served.map(({ owner }) => owner))).toEqual(new Set([file.patient.publicKey]));
    expect(served.at(-1)?.requester).toBe(file.requester.publicKey);
  });

  it('has nodes that agree', () => {
    expect(report.nodes).toHaveLength(4);
    const roots = new Map<number, string>();
    for (const { finalHeight, stateRoot } of report.nodes) {
      expect(roots.get(finalHeight) ?? stateRoot).toBe(stateRoot);
      roots.set(finalHeight, stateRoot);
    }
  });

  it("delivered the hospital's files byte for byte", () => {
    const digestsIn = (folder: string): string[] =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile())
        .map(entry => readFileSync(join(entry.parentPath ?? entry.path, entry.name)))
        .map(bytes => createHash('sha256').update(bytes).digest('hex'));
    const atHospital = digestsIn(join(dir, 'run', 'hospital', 'images'));
    const received = new Set(digestsIn(join(dir, 'run', 'received')));
    expect(atHospital).toHaveLength(12);
    expect(atHospital.every(digest => received.has(digest))).toBe(true);
    expect(report.files.map(({ sha256AtSource }) => sha256AtSource).sort()).toEqual(atHospital.sort());
    expect(report.files.every(({ sha256AtSource, sha256AtRequester }) => sha256AtSource === sha256AtRequester)).toBe(
      true,
    );
  });

  it('leaves keys with which scripts can go on', async () => {
    const allowed = await send(file.requester);
    expect(allowed).toMatchObject({ code: '', answer: { httpStatus: 200 } });
    expect(allowed.documentBytes).toBeGreaterThan(1_000_000);
    expect(await send(file.stranger)).toMatchObject({ code: 'XDSDocumentUniqueIdError', documentBytes: 0 });
    expect(await send(file.revoked.requester)).toMatchObject({ code: 'XDSDocumentUniqueIdError', documentBytes: 0 });
    const last = (await audit()).filter(({ kind }) => kind === 'refused').slice(-2);
    expect(last.map(({ reason }) => reason)).toEqual(['no-grant', 'revoked']);
  });

  // 46 to 49 s on two idle cores, where 60 s is the limit; this one leaves room for a busy machine.
  it('takes about a minute', () => {
    expect(report.took_ms).toBeLessThan(90_000);
    expect(Math.abs(tookMs - report.took_ms)).toBeLessThan(5_000);
  });

  it('leaves no process behind when it is told to end, and folders that verify', async () => {
    const pids = [...file.nodes.map(({ pid }) => pid), file.gateway.pid];
    expect(pids.every(isRunning)).toBe(true);
    demo.child.kill('SIGTERM');
    expect((await demo.ended).code).toBe(0);
    expect(await untilGone(pids, 0)).toEqual([]);
    const manifest = createRequire(import.meta.url).resolve('@radpass/node/package.json');
    const command = join(dirname(manifest), 'bin', 'radpass-node.js');
    for (const { dataDir } of file.nodes) {
      const out = execFileSync(process.execPath, [command, 'verify', '--data-dir', dataDir, '--json'], {
        encoding: 'utf8',
      });
      expect(JSON.parse(out)).toMatchObject({ ok: true });
    }
  });
});
