/** The program against the ledger's vectors, and what a change of the chain does to it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { ChainAudit } from '../dist/audit.js';
import { decode, encode, fromHex, hex } from '../dist/bytes.js';

const here = dirname(fileURLToPath(import.meta.url));
const vectorFile = join(here, '../../../packages/ledger/test/vectors/audit.json');
const vectors = JSON.parse(readFileSync(vectorFile, 'utf8')) as {
  genesis: string;
  blocks: string[];
  audits: { epoch: number; root: string; rows: string[] }[];
  eras: Omit<typeof vectors, 'eras' | 'recovery'>;
  recovery: Omit<typeof vectors, 'eras' | 'recovery'> & { named: [slot: number, id: string] };
};

function audited(blocks: readonly string[], genesis = vectors.genesis) {
  const audit = new ChainAudit(fromHex(genesis));
  for (const block of blocks) audit.add(fromHex(block));
  return audit.audits.map(({ epoch, root, rows }) => ({ epoch, root: hex(root), rows: rows.map(hex) }));
}

describe('the second program', () => {
  it("gets the ledger's rows from blocks alone, byte by byte", () => {
    expect(audited(vectors.blocks)).toEqual(vectors.audits);
  });
  it('saw something of everything: misses, an orphan, late votes, an offence, a source that fell asleep', () => {
    const rows = vectors.audits.flatMap(({ rows: list }) => list.map(row => decode(fromHex(row)) as number[]));
    const total = (column: number) => rows.reduce((sum, row) => sum + row[column]!, 0);
    for (const column of [2, 3, 4, 5, 7, 8, 9, 10]) expect([column, total(column)]).not.toEqual([column, 0]);
    expect(vectors.audits.map(({ rows: list }) => list.length).at(-1)).toBe(4);
  });
  it("gets the ledger's rows over hand-overs of eras, with an offence of an era that is over", () => {
    const { eras } = vectors;
    expect(audited(eras.blocks, eras.genesis)).toEqual(eras.audits);
    const roots = eras.blocks.map(block => {
      const [header] = decode(fromHex(block)) as [Uint8Array];
      return ((decode(header) as unknown[])[13] as [number])[0];
    });
    expect(new Set(roots).size).toBe(3);
    const doubleVotes = eras.audits.map(({ rows }) =>
      rows.reduce((sum, row) => sum + (decode(fromHex(row)) as number[])[11]!, 0),
    );
    expect(doubleVotes).toEqual([0, 0, 0, 1, 0, 0]);
  });
  it("gets the ledger's rows over a recovery in the last epoch of a period, and over the hand-over right after it", () => {
    const { genesis, blocks, audits, named } = vectors.recovery;
    expect(audited(blocks, genesis)).toEqual(audits);
    const roots = blocks.map(block => {
      const [header] = decode(fromHex(block)) as [Uint8Array];
      return ((decode(header) as unknown[])[13] as [number])[0];
    });
    expect([...new Set(roots)].slice(0, 3)).toEqual([0, named[0], named[0] + 5]);
    // Who is gone has weight until the epoch of the recovery, and none from the next one on, which opens an era.
    expect(audits.slice(4, 8).map(({ rows }) => rows.length)).toEqual([4, 4, 2, 2]);
  });
  it('reads blocks that lost the signatures of their votes', () => {
    const pruned = vectors.eras.blocks.map(block => {
      const [header, signature, body] = decode(fromHex(block)) as [Uint8Array, Uint8Array, Uint8Array];
      const [evidence, certificates, voteSets, transactions] = decode(body) as [never, never[][], never[][], never];
      const bare = (sets: never[][]) => sets.map(([message, bitmap]) => [message!, bitmap!, []]);
      return hex(encode([header, signature, encode([evidence, bare(certificates), bare(voteSets), transactions])]));
    });
    expect(pruned.join().length).toBeLessThan(vectors.eras.blocks.join().length * 0.8);
    expect(audited(pruned, vectors.eras.genesis)).toEqual(vectors.eras.audits);
  });
  it('closes nothing before its time, and needs every block', () => {
    expect(audited(vectors.blocks.slice(0, 9))).toEqual([]);
    expect(() => audited(vectors.blocks.slice(1))).toThrow('block 1 is missing');
  });
  it('gives another root when a vote is taken out of a block', () => {
    const [header, signature, body] = decode(fromHex(vectors.blocks[4]!)) as [Uint8Array, Uint8Array, Uint8Array];
    const [evidence, certificates, voteSets, transactions] = decode(body) as never[][];
    expect(certificates!.length + voteSets!.length).toBeGreaterThan(0);
    const without = encode([header, signature, encode([evidence!, [], [], transactions!])]);
    const changed = vectors.blocks.map((block, i) => (i === 4 ? hex(without) : block));
    // Its id is the header's alone, so the chain still links.
    expect(audited(changed)[0]!.root).not.toBe(vectors.audits[0]!.root);
    expect(audited(changed)[0]!.rows).toHaveLength(4);
  });
  it('runs as a command on a file of blocks', () => {
    const dir = mkdtempSync(join(tmpdir(), 'radpass-audit-'));
    writeFileSync(join(dir, 'genesis'), fromHex(vectors.genesis));
    writeFileSync(join(dir, 'blocks'), vectors.blocks.join('\n'));
    const main = join(here, '../dist/main.js');
    const run = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
    const { stdout, status } = run('--genesis', join(dir, 'genesis'), '--blocks', join(dir, 'blocks'));
    expect(status).toBe(0);
    expect(
      stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line)),
    ).toEqual(vectors.audits);
    expect(run().status).toBe(2);
    rmSync(dir, { recursive: true });
  });
});
