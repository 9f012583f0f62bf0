/** Delivery into a real Orthanc: what arrives is what was sent, a second delivery changes nothing, a refusal is one. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readInstanceHeader, writePhantomStudy } from '@radpass/imaging';
import { needs } from '../../../tools/needs.mjs';
import { type Orthanc, startOrthanc } from '../../../tools/orthanc.mjs';
import { stowStudy } from '../dist/stow.js';

needs('orthanc', describe)('delivery into Orthanc', () => {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-stow-orthanc-'));
  let orthanc: Orthanc;
  let studyInstanceUID: string;
  let files: { sopInstanceUID: string; path: string }[];
  const held = async (): Promise<Buffer[]> => {
    const ids = (await (await fetch(`${orthanc.api}/instances`)).json()) as string[];
    const kept = ids.map(async id =>
      Buffer.from(await (await fetch(`${orthanc.api}/instances/${id}/file`)).arrayBuffer()),
    );
    return await Promise.all(kept);
  };
  const sorted = (all: Buffer[]): string[] => all.map(bytes => bytes.toString('hex')).sort();

  beforeAll(async () => {
    orthanc = await startOrthanc();
    ({ studyInstanceUID } = await writePhantomStudy(folder, { slices: 4, size: 64 }));
    files = await Promise.all(
      readdirSync(folder).map(async name => {
        const path = join(folder, name);
        const { sopInstanceUID } = await readInstanceHeader(path);
        return { sopInstanceUID, path };
      }),
    );
  }, 60_000);
  afterAll(async () => {
    await orthanc.stop();
    rmSync(folder, { recursive: true });
  });

  it('brings every instance byte for byte, with progress, and again without harm', async () => {
    const seen: number[] = [];
    let announced = 0;
    for (let round = 0; round < 2; round++) {
      await stowStudy({ url: orthanc.dicomweb }, { studyInstanceUID, files }, (bytes, total) => {
        seen.push(bytes);
        announced = total;
      });
      expect(sorted(await held())).toEqual(sorted(files.map(({ path }) => readFileSync(path))));
    }
    expect(seen.at(-1)).toBe(announced);
  });

  it('fails when an instance is none, or belongs to another study', async () => {
    const path = join(folder, 'broken.dcm');
    writeFileSync(path, 'no DICOM');
    const study = { studyInstanceUID, files: [...files, { sopInstanceUID: '1.2.3', path }] };
    await expect(stowStudy({ url: orthanc.dicomweb }, study, () => undefined)).rejects.toMatchObject({
      code: 'REQUESTER_STOW',
    });
    await expect(
      stowStudy({ url: orthanc.dicomweb }, { studyInstanceUID: '1.2.3.4', files }, () => undefined),
    ).rejects.toMatchObject({ code: 'REQUESTER_STOW', detail: { missing: files.length } });
  });
});
