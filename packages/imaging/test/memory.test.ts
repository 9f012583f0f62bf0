import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { SecretKey } from '@radpass/core';
import { encodeElements } from '../dist/dicomWriter.js';
import { folderStore, packageStudy } from '../dist/index.js';
import { elements, inFolder, studyUid, withSyntax } from './dicomFixture.js';

const size = 200 * 1024 * 1024;

describe('packageStudy of an instance of 200 MB', () => {
  it('keeps memory flat while it digests and streams', () =>
    inFolder(async dir => {
      const head = Buffer.from('e07f10004f57000000000000', 'hex');
      head.writeUInt32LE(size, 8);
      const start = withSyntax(
        '1.2.840.10008.1.2.1',
        Buffer.concat([encodeElements(elements({ '7FE00010': undefined })), head]),
      );
      await writeFile(join(dir, 'x'), start);
      await truncate(join(dir, 'x'), start.length + size);
      const before = process.memoryUsage().arrayBuffers;
      let peak = 0;
      const sampler = setInterval(() => {
        peak = Math.max(peak, process.memoryUsage().arrayBuffers);
      }, 5);
      const store = await folderStore({ path: dir });
      const sourceKey = SecretKey.generate().publicKey;
      const document = await packageStudy({ store, studyInstanceUID: studyUid, salt: new Uint8Array(32), sourceKey });
      let sent = 0;
      for await (const chunk of document.stream()) sent += chunk.length;
      clearInterval(sampler);
      expect(sent).toBe(document.size);
      expect(peak - before).toBeLessThan(96 * 1024 * 1024);
    }));
});
