/** `radpass-node audit`: recompute what every source was to do and did from a stopped node's folder. */
import { join } from 'node:path';
import { UsageError } from '@radpass/client/node';
import { toHex } from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import { auditColumns, auditStore, consensus, type EpochAudit, withRecoveries } from '@radpass/ledger';
import { readGenesis } from '../files.js';
import { openStore } from '../openStore.js';
import { readRecoveries } from './recovery.js';

export interface EpochRange {
  readonly first: number;
  readonly last: number;
}

/** `A..B`, or one epoch. */
export function epochRange(text: string): EpochRange {
  const [, first, last = first] = /^(\d{1,15})(?:\.\.(\d{1,15}))?$/.exec(text) ?? [];
  if (first === undefined || Number(first) > Number(last)) throw new UsageError(`--epochs ${text}: expected A..B`);
  return { first: Number(first), last: Number(last) };
}

/** @throws NodeError NODE_RUNNING while a node uses the folder; LedgerError when the folder's chain and audit differ */
export async function auditFolder(p: {
  dataDir: string;
  epochs: EpochRange;
  /** Files of the recoveries of the network's history. */
  recoveries?: readonly string[];
}): Promise<EpochAudit[]> {
  const genesis = readGenesis(join(p.dataDir, 'genesis'));
  const rules = withRecoveries(consensus, readRecoveries(p.recoveries ?? [], genesis));
  const store = await openStore(p.dataDir);
  try {
    return await auditStore({ store, genesis, verifier: nodeVerifier, rules, ...p.epochs });
  } finally {
    await store.close();
  }
}

const heads = ['epoch', 'sourceKey', ...auditColumns] as const;

function cellsOf(audits: readonly EpochAudit[]): string[][] {
  return audits.flatMap(({ epoch, rows }) =>
    rows.map(row => [String(epoch), toHex(row.sourceKey), ...auditColumns.map(column => String(row[column]))]),
  );
}

/** RFC 4180 with a line of names; every cell is a number or hex. */
export function auditCsv(audits: readonly EpochAudit[]): string {
  return [heads, ...cellsOf(audits)].map(cells => `${cells.join(',')}\r\n`).join('');
}

/** For people: columns under one another, keys by their first eight digits. */
export function auditTable(audits: readonly EpochAudit[]): string {
  const lines = [[...heads], ...cellsOf(audits)].map(([epoch = '', key = '', ...rest]) => [
    epoch,
    key === 'sourceKey' ? 'source' : key.slice(0, 8),
    ...rest,
  ]);
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map(cells => cells[i]!.length)));
  return lines.map(cells => cells.map((cell, i) => cell.padStart(widths[i]!)).join('  ')).join('\n');
}

/** For programs: epochs with root and rows. */
export function auditJson(audits: readonly EpochAudit[]): object {
  return {
    epochs: audits.map(({ epoch, root, rows }) => ({
      epoch,
      root: toHex(root),
      rows: rows.map(row => ({ ...row, sourceKey: toHex(row.sourceKey) })),
    })),
  };
}
