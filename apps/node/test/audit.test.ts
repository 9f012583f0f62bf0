/** Two real nodes: the audit over HTTP with its proofs, and the same rows recomputed from their folders. */
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuditEntry } from '@radpass/client';
import { encodeCanonical, toHex } from '@radpass/core';
import { auditColumns, auditRootKey, encodeAuditRow, verifyAuditRow } from '@radpass/ledger';
import { tables, verifyStateProof } from '@radpass/ledger/light';
import { run, runJson, runRefused } from './commands.js';
import { TestNetwork } from './network.js';

let network: TestNetwork;
let first: AuditEntry;
const hexed = (value: unknown) => JSON.parse(JSON.stringify(value, (_, v) => (v instanceof Uint8Array ? toHex(v) : v)));

/** The newest closed audit of a node, once there is one. */
async function closed(of = network.nodes[0]!): Promise<AuditEntry> {
  for (let tries = 0; ; tries++) {
    try {
      return await of.api.audit();
    } catch (error) {
      if (tries > 400) throw error;
      await new Promise(resolve => setTimeout(resolve, 250));
    }
  }
}

beforeAll(async () => {
  network = await TestNetwork.started({ founders: 2, slotMs: 250 });
  first = await closed();
}, 150_000);
afterAll(() => network.close());

describe('GET /v1/audit', () => {
  it('gives rows whose root the final state holds', () => {
    const { root, count, proof, checkpoint, epoch, rows } = first;
    const value = encodeCanonical([root, count]);
    const at = { root: checkpoint.stateRoot, table: tables.audit, tableKey: auditRootKey(epoch), value };
    expect(verifyStateProof({ ...at, proof })).toBe(true);
    expect(rows).toHaveLength(2);
    expect(rows.reduce((sum, row) => sum + row.assigned, 0)).toBe(epoch === 0 ? 15 : 16);
  });
  it('gives one row with its path, the same at the other node', async () => {
    const [node, other] = network.nodes;
    const of = { epoch: first.epoch, source: node!.sourceKey };
    const { rows, index, path, root, count } = await node!.api.audit(of);
    expect(verifyAuditRow({ row: rows[0]!, index: index!, root: { root, count }, proof: path! })).toBe(true);
    await closed(other);
    expect((await other!.api.audit(of)).rows).toEqual(rows);
  });
  it('has no answer for an epoch that is open, and none for nonsense', async () => {
    const { api } = network.nodes[0]!;
    await expect(api.audit({ epoch: 1_000_000 })).rejects.toMatchObject({ code: 'CLIENT_NOT_FOUND' });
    await expect(api.audit({ epoch: -1 })).rejects.toMatchObject({ detail: { remote: { code: 'NODE_REQUEST' } } });
  });
});

describe('a program that shares no code with the node', () => {
  it('gets the same rows from the blocks that the API gives', async () => {
    const main = join(dirname(fileURLToPath(import.meta.url)), '../../../examples/audit/dist/main.js');
    const args = [main, '--genesis', network.genesisFile, '--api', network.nodes[0]!.url];
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 26 });
    const lines = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { epoch: number; root: string; rows: string[] });
    const found = lines.find(({ epoch }) => epoch === first.epoch);
    const rows = first.rows.map(row => toHex(encodeAuditRow(row)));
    expect(found).toEqual({ epoch: first.epoch, root: toHex(first.root), rows });
  }, 60_000);
});

describe('radpass-node audit', () => {
  it('is refused while the node runs', async () => {
    const refused = await runRefused(['audit', '--data-dir', network.nodes[0]!.dataDir]);
    expect(refused).toMatchObject({ code: 'NODE_RUNNING', exitCode: 1 });
  });
  it('recomputes from both folders what the API gave', async () => {
    await Promise.all(network.nodes.map(node => node.stop()));
    for (const node of network.nodes) {
      const range = `${first.epoch}..${first.epoch}`;
      const { epochs } = await runJson(['audit', '--data-dir', node.dataDir, '--epochs', range]);
      expect(epochs).toEqual([{ epoch: first.epoch, root: toHex(first.root), rows: hexed(first.rows) }]);
    }
  }, 60_000);
  it('prints CSV and a table', async () => {
    const args = ['audit', '--data-dir', network.nodes[0]!.dataDir, '--epochs', String(first.epoch)];
    const csv = (await run([...args, '--csv'])).stdout.split('\r\n');
    expect(csv[0]).toBe(`epoch,sourceKey,${auditColumns.join(',')}`);
    const [row] = first.rows;
    expect(csv[1]).toBe([first.epoch, toHex(row!.sourceKey), ...auditColumns.map(column => row![column])].join(','));
    const table = (await run(args)).stdout.split('\n');
    expect(table[0]).toMatch(/^epoch +source +weight +assigned/);
    expect(table[1]).toContain(toHex(row!.sourceKey).slice(0, 8));
    expect((await run([...args.slice(0, 3), '--epochs', '3..1'])).exitCode).toBe(2);
  }, 60_000);
});
