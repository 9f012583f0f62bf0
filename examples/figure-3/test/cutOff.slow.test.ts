/**
 * A hospital that is cut off, with every program and the network as they come: slots of 4 s, a view of the ledger that
 * may be 60 s old. The demo shows the same in a sixth of the time.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SecretKey } from '@radpass/core';
import { writePhantomStudy } from '@radpass/imaging';
import type { Granted } from '../dist/cast.js';
import { leads, setConnected } from '../dist/founding.js';
import { auditOf } from '../dist/hospital.js';
import { doctorKey } from '../dist/people.js';
import { startTrial, type Trial } from './trial.js';

const bound = 60;

describe('a hospital that is cut off from all peers', () => {
  const images = mkdtempSync(join(tmpdir(), 'radpass-cut-off-'));
  let trial: Trial;
  let granted: Granted;
  let key: SecretKey;

  beforeAll(async () => {
    await writePhantomStudy(images, { slices: 1, size: 16 });
    trial = await startTrial({ images: { kind: 'folder', path: images, stableMs: 0 }, study: images, genesis: [] });
    granted = await trial.allow();
    key = await doctorKey(trial.cast.doctor, granted.listed);
  }, 240_000);
  afterAll(async () => {
    await trial?.close();
    rmSync(images, { recursive: true });
  });

  const ask = async (): Promise<string> => (await trial.ask(key, granted.listed.studyHash)).code;
  const lastReason = async (): Promise<string> => (await auditOf(trial.cast.hospital)).at(-1)?.reason ?? '';

  it(`refuses within ${bound} s, though its own node makes blocks, and serves when it is back`, async () => {
    const { stage, hospital } = trial.cast;
    const { source } = hospital;
    const { genesisTimeMs, params } = stage.genesis;
    expect(params.slotMs).toBe(4_000);
    const leadsOneOf = (first: number): boolean =>
      Array.from({ length: 10 }, (_, i) => first + i).some(slot => leads(stage.genesis, source, slot));
    const nextSlot = (): number => Math.ceil((Date.now() - genesisTimeMs) / params.slotMs);
    while (!leadsOneOf(nextSlot())) await pause(params.slotMs);
    expect(await ask()).toBe('');

    await setConnected(source, false);
    const cutAt = performance.now();
    const before = await source.api.status();
    let served = 0;
    while ((await ask()) === '') {
      served += 1;
      expect(performance.now() - cutAt).toBeLessThan(2 * bound * 1_000);
      await pause(1_000);
    }
    const seconds = (performance.now() - cutAt) / 1_000;
    const after = await source.api.status();
    const made = after.height - before.height;
    console.log(
      `cut off: first refusal after ${seconds.toFixed(1)} s; ${served} served, ${made} own blocks until then`,
    );
    expect(seconds).toBeLessThanOrEqual(bound);
    expect(served).toBeGreaterThan(0);
    expect(made).toBeGreaterThan(0);
    expect(after.finalSlot * params.slotMs + genesisTimeMs).toBeLessThanOrEqual(Date.now() - bound * 1_000);
    expect(await lastReason()).toBe('ledger-stale');
    expect((await stage.others[0].api.status()).finalHeight).toBeGreaterThan(after.finalHeight);
    await pause(5_000);
    expect(await ask()).toBe('XDSRepositoryError');

    await setConnected(source, true);
    for (let tries = 0; tries < 60 && (await ask()) !== ''; tries++) await pause(1_000);
    expect(await ask()).toBe('');
  }, 300_000);
});
