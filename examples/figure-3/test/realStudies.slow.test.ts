/** Real files of other makers travel as they are: CT, ECG, report, and one of two studies that lie side by side. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { dataDir, needs } from '../../../tools/needs.mjs';
import type { Report } from '../dist/report.js';
import { startDemo } from './demoProcess.js';

needs('dicom', describe)('the demo with --study', () => {
  it.each(['ct-ankle', 'ecg-waveform', 'report-sr', join('multi-series-77654033', 'CT2')])(
    'delivers exactly the bytes of %s',
    async name => {
      const study = join(dataDir, 'dicom', name);
      const { code, stdout, stderr } = await startDemo(['--once', '--json', '--study', study]).ended;
      expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
      const { files } = JSON.parse(stdout) as Report;
      const digests = readdirSync(study).map(file =>
        createHash('sha256')
          .update(readFileSync(join(study, file)))
          .digest('hex'),
      );
      expect(files.map(({ sha256AtRequester }) => sha256AtRequester).sort()).toEqual(digests.sort());
    },
    150_000,
  );
});
