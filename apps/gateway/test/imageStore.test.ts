import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { writePhantomStudy } from '@radpass/imaging';
import { configSchema, type GatewayConfig } from '../dist/config.js';
import { countStudies, openImageStore } from '../dist/imageStore.js';

const base = {
  url: 'https://images.example/radpass',
  listen: { address: '127.0.0.1:0' },
  key: 'source.key',
  node: [{ url: 'http://127.0.0.1:1' }],
  desk: { listen: '127.0.0.1:0' },
};
const configOf = (rest: object): GatewayConfig => configSchema.parse({ ...base, dataDir: 'data', ...rest });
const dicomweb = (url: string, more = {}): object => ({ images: { kind: 'dicomweb', url, ...more } });

describe('images in the configuration', () => {
  it('are a folder or a DICOMweb archive, over TLS but on this machine', () => {
    for (const url of ['https://pacs.example:8443/rs', 'http://127.0.0.1:8042/dicom-web', 'http://[::1]:8042/']) {
      expect(configOf(dicomweb(url, { headers: { Authorization: 'Basic eDp5' } })).images).toMatchObject({ url });
    }
    expect(configOf({ images: { kind: 'folder', path: '/images', stableMs: 5 } }).images.kind).toBe('folder');
  });

  it.each([
    ['plain http to another machine', dicomweb('http://pacs.example/rs'), 'images.url'],
    ['a user in the url', dicomweb('https://me:secret@pacs.example/rs'), 'images.url'],
    ['a query in the url', dicomweb('https://pacs.example/rs?x=1'), 'images.url'],
    ['no url', { images: { kind: 'dicomweb', path: '/images' } }, 'images.url'],
    ['a kind that there is not', { images: { kind: 'dimse' } }, 'images.kind'],
    ['a spool without room', { ...dicomweb('https://pacs.example'), spool: { maxBytes: 0 } }, 'spool.maxBytes'],
    ['a spool that keeps nothing', { ...dicomweb('https://pacs.example'), spool: { ttlHours: 0 } }, 'spool.ttlHours'],
  ])('are refused with %s', (_what, rest, field) => {
    const parsed = configSchema.safeParse({ ...base, dataDir: 'data', ...rest });
    expect(parsed.error?.issues.map(issue => issue.path.join('.'))).toContain(field);
  });
});

describe('a folder of images', () => {
  it('has files left out by their code alone, in the log and for check', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'radpass-images-'));
    try {
      await writePhantomStudy(folder, { slices: 1, size: 16 });
      writeFileSync(join(folder, 'Doe^Jane.txt'), 'no DICOM');
      const config = configOf({ images: { kind: 'folder', path: folder } });
      const logged: unknown[] = [];
      const store = await openImageStore(config, (event, fields) => logged.push({ event, ...fields }));
      await store.studies();
      await store.close();
      expect(logged).toEqual([{ event: 'file-left-out', reason: 'IMAGING_NOT_DICOM' }]);
      expect(await countStudies(config)).toEqual({ studies: 1, filesLeftOut: 1 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
