/** How the demo ends when it is not to go on: wrong usage, a folder that it can't use, a signal, a hard kill. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { writePhantomStudy } from '@radpass/imaging';
import { dataDir, needs } from '../../../tools/needs.mjs';
import { childrenOf, startDemo, untilGone } from './demoProcess.js';

const temporary = mkdtempSync(join(tmpdir(), 'radpass-endings-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

const errorIn = (stderr: string): { code: string; message: string } =>
  (JSON.parse(stderr.trim().split('\n').at(-1) ?? '') as { error: { code: string; message: string } }).error;

describe('the demo', () => {
  it('names a flag that it does not know, and exits 2', async () => {
    const { code, stdout, stderr } = await startDemo(['--onse']).ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('--onse');
  });

  it('takes --once or --serve, not both', async () => {
    expect((await startDemo(['--once', '--serve']).ended).code).toBe(2);
  });

  it('overwrites nothing', async () => {
    const out = join(temporary, 'taken');
    mkdirSync(out);
    writeFileSync(join(out, 'something'), '');
    const { code, stderr } = await startDemo(['--json', '--out', out]).ended;
    expect({ code, error: errorIn(stderr).code }).toEqual({ code: 1, error: 'DEMO_FOLDER' });
  });

  it('refuses a folder that holds two studies, in one sentence', async () => {
    const study = join(temporary, 'two');
    await writePhantomStudy(join(study, 'a'), { slices: 1, size: 8 });
    await writePhantomStudy(join(study, 'b'), { slices: 1, size: 8 });
    const { code, stdout, stderr } = await startDemo(['--once', '--study', study]).ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^one study expected, 2 found: [^\n]*\(IMAGING_TWO_STUDIES\)\n$/);
  });

  it('says so when a folder holds no study', async () => {
    const study = join(temporary, 'none');
    mkdirSync(study);
    const { code, stderr } = await startDemo(['--once', '--json', '--study', study]).ended;
    expect({ code, error: errorIn(stderr).code }).toEqual({ code: 1, error: 'IMAGING_NO_STUDY' });
  });
});

needs('dicom', describe)('the demo with real files', () => {
  it('refuses multi-series-77654033 as two studies', async () => {
    const study = join(dataDir, 'dicom', 'multi-series-77654033');
    const { code, stderr } = await startDemo(['--once', '--json', '--study', study]).ended;
    expect({ code, error: errorIn(stderr).code }).toEqual({ code: 1, error: 'IMAGING_TWO_STUDIES' });
  });
});

const [onLinux, why] =
  process.platform === 'linux'
    ? [describe, '']
    : [describe.skip, ' [skipped: children are looked up in /proc, on Linux]'];
onLinux(`a demo that is stopped half-way${why}`, () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`leaves no process behind after ${signal}`, async () => {
      const demo = startDemo(['--once', '--json', '--out', join(temporary, signal)]);
      await demo.line('stderr', /Block A/);
      const children = childrenOf(demo.pid);
      expect(children.length).toBeGreaterThanOrEqual(4);
      demo.child.kill(signal);
      const { code } = await demo.ended;
      expect(code).toBe(signal === 'SIGTERM' ? 1 : null);
      expect(await untilGone(children, 10_000)).toEqual([]);
    });
  }
});
