/**
 * 40,000 mutants: DICOM files in five encodings, documents, and answers of an archive. A code or a result each time,
 * quickly, nothing written elsewhere, memory bounded. RADPASS_SEED names another run.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import type { Outcome } from './hostileRun.js';

const seed = Number(process.env.RADPASS_SEED ?? 1);
const mutants = 10_000;
const sumOf = (counts: Record<string, number>): number => Object.values(counts).reduce((sum, n) => sum + n, 0);

describe('mutants', () => {
  it('end in a code or a result, within 2 s of CPU and 256 MiB, and write nothing elsewhere', async () => {
    const run = fileURLToPath(new URL('./hostileRun.js', import.meta.url));
    const options = { maxBuffer: 16 * 1024 * 1024 };
    const { stdout } = await promisify(execFile)(process.execPath, [run, String(seed), String(mutants)], options);
    process.stdout.write(`seed ${seed}: ${stdout}\n`);
    const { codes, slowestCpuMs, slowestMs, peakMiB, strays } = JSON.parse(stdout) as Outcome;
    for (const [kind, counts] of Object.entries(codes)) {
      const strange = Object.keys(counts).filter(code => !/^(IMAGING_[A-Z_]+|accepted)$/.test(code));
      expect([kind, strange]).toEqual([kind, []]);
      expect(sumOf(counts) - (counts.accepted ?? 0)).toBeGreaterThan(sumOf(counts) / 20);
    }
    const kinds = Object.keys(codes);
    expect(kinds).toHaveLength(8);
    expect(Object.values(codes).reduce((sum, counts) => sum + sumOf(counts), 0)).toBe(4 * mutants);
    expect(strays).toEqual([]);
    expect(slowestCpuMs).toBeLessThan(2000);
    expect(slowestMs).toBeLessThan(60_000);
    expect(peakMiB).toBeLessThan(256);
  }, 1_800_000);
});
