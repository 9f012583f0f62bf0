/**
 * The programs before a real Orthanc: a slow archive makes the doctor's program come again, twenty retrievals read the
 * archive once, and a series that came after the grant is in the next retrieval.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fromHex, type PublicKey } from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import { readInstanceHeader, writePhantomStudy } from '@radpass/imaging';
import { retrieveStudy } from '@radpass/xds/node';
import { needs } from '../../../tools/needs.mjs';
import { type Orthanc, startOrthanc } from '../../../tools/orthanc.mjs';
import type { Granted } from '../dist/cast.js';
import { auditOf } from '../dist/hospital.js';
import { doctorKey } from '../dist/people.js';
import { Throttle } from './throttle.js';
import { startTrial, type Trial } from './trial.js';

/** Moves a file's instance to a series of its own. */
function ofAnotherSeries(file: Buffer, seriesInstanceUID: string): void {
  const other = seriesInstanceUID.slice(0, -1) + ((Number(seriesInstanceUID.at(-1)) % 9) + 1);
  file.write(other, file.indexOf(seriesInstanceUID), 'latin1');
}

needs('orthanc', describe)('the programs before Orthanc', () => {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-before-orthanc-'));
  let orthanc: Orthanc;
  let throttle: Throttle;
  let trial: Trial;
  let granted: Granted;
  let slices: Buffer[];

  beforeAll(async () => {
    const study = await writePhantomStudy(join(folder, 'images'), { slices: 8, size: 64 });
    slices = study.files.map(path => readFileSync(path));
    const { seriesInstanceUID } = await readInstanceHeader(study.files[6]!);
    for (const late of slices.slice(6)) ofAnotherSeries(late, seriesInstanceUID);
    orthanc = await startOrthanc();
    for (const slice of slices.slice(0, 6)) await orthanc.put(slice);
    throttle = new Throttle(orthanc.api);
    const url = `${await throttle.listen()}/dicom-web`;
    trial = await startTrial({ images: { kind: 'dicomweb', url }, study: join(folder, 'images') });
  }, 240_000);
  afterAll(async () => {
    await trial?.close();
    throttle?.close();
    await orthanc?.stop();
    rmSync(folder, { recursive: true });
  });

  /** The doctor's program, from the request to the unpacked study. @returns the files' bytes, in hex */
  async function retrieve(name: string): Promise<string[]> {
    const flags = ['--grant', String(granted.listed.grant), '--out', join(folder, name)];
    const { files } = (await trial.cast.doctor.run('retrieve', ...flags)) as { files: { path: string }[] };
    return files.map(({ path }) => readFileSync(path, 'hex')).sort();
  }
  const sent = (count: number): string[] =>
    slices
      .slice(0, count)
      .map(bytes => bytes.toString('hex'))
      .sort();

  it('make the doctor come again while a slow archive is read, each time as a new message', async () => {
    throttle.delayMs = 7_000;
    granted = await trial.allow();
    const from = performance.now();
    expect(await retrieve('slow')).toEqual(sent(6));
    const seconds = (performance.now() - from) / 1_000;
    throttle.delayMs = 0;
    const told = await auditOf(trial.cast.hospital);
    const ofDoctor = told.filter(({ requester }) => requester === granted.listed.requesterKey);
    const outcomes = ofDoctor.flatMap(({ kind, reason }) => (kind === 'served' ? ['served'] : reason ? [reason] : []));
    expect(outcomes.length).toBeGreaterThanOrEqual(2);
    expect(outcomes).toEqual([...outcomes.slice(1).map(() => 'document-preparing'), 'served']);
    expect(new Set(ofDoctor.map(({ messageId }) => messageId)).size).toBe(ofDoctor.length);
    expect(throttle.reads).toHaveLength(6);
    expect(throttle.most).toBeLessThanOrEqual(2);
    console.log(
      `a slow archive: told to come again ${outcomes.length - 1} times, received after ${seconds.toFixed(0)} s`,
    );
  }, 120_000);

  it('read the archive for none of 20 more retrievals', async () => {
    const { source } = trial.cast.hospital;
    const key = await doctorKey(trial.cast.doctor, granted.listed);
    const sourceKey = fromHex(source.sourceKey, 32) as PublicKey;
    for (let round = 0; round < 5; round++) {
      const four = ['a', 'b', 'c', 'd'].map(name =>
        retrieveStudy({
          key,
          url: source.url,
          source: { key: sourceKey, sourceKey, tlsPins: [] },
          studyHash: fromHex(granted.listed.studyHash, 32),
          outFile: join(folder, `${name}${round}.zip`),
          verifier: nodeVerifier,
          now: () => Date.now(),
          connect: { ca: readFileSync(trial.cast.tls.ca, 'utf8'), allowPrivate: true },
        }),
      );
      for (const { bytes } of await Promise.all(four)) expect(bytes).toBeGreaterThan(6 * slices[0]!.length);
    }
    expect(throttle.reads).toHaveLength(6);
  }, 120_000);

  it('have a series that came after the grant in the next retrieval, and read that alone', async () => {
    for (const late of slices.slice(6)) await orthanc.put(late);
    expect(await retrieve('with-late-series')).toEqual(sent(8));
    expect(throttle.reads).toHaveLength(8);
  }, 120_000);
});
