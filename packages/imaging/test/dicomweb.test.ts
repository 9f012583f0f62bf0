/** The DICOMweb archive's answers, right and wrong, without an archive. */
import { describe, expect, it } from '@jest/globals';
import { type ArchiveFetch, dicomwebArchive } from '../dist/index.js';
import { jsonItems } from '../dist/jsonItems.js';
import { boundaryOf, onlyPart } from '../dist/multipart.js';

async function* pieces(text: string | Buffer, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString('latin1');
}

const sizes = [1, 2, 3, 7, 64, 100_000];

describe('onlyPart', () => {
  const whole = (content: string, head = '') => `--b\r\n${head}\r\n${content}\r\n--b--\r\n`;
  const type = 'Content-Type: application/dicom\r\n';

  it.each(sizes)('gives the part as it is, in pieces of %d bytes', async size => {
    for (const content of ['', 'x', '\r\n--', '\r\n--c\r\n--', 'a'.repeat(300)]) {
      expect(await collect(onlyPart(pieces(whole(content, type), size), 'b'))).toBe(content);
      expect(await collect(onlyPart(pieces(`preamble\r\n${whole(content)}`, size), 'b'))).toBe(content);
    }
  });

  it.each([
    ['an end before the boundary', whole('abc').slice(0, -9), 'cut off'],
    ['an end within the header', '--b\r\nContent', 'cut off'],
    ['nothing', '', 'cut off'],
    ['a second part', '--b\r\n\r\nabc\r\n--b\r\n\r\nabc\r\n--b--', 'more than one part'],
    ['a part shorter than it says', whole('abc', 'Content-Length: 4\r\n'), 'length of a part'],
    ['a header without end', whole('abc', `X: ${'y'.repeat(20_000)}\r\n`), 'part header'],
  ])('refuses %s', async (_what, text, reason) => {
    const read = collect(onlyPart(pieces(text, 5), 'b'));
    await expect(read).rejects.toMatchObject({ detail: { code: 'IMAGING_ARCHIVE', reason } });
  });

  it('leaves the stream when its reader does', async () => {
    let left = false;
    async function* endless() {
      try {
        yield Buffer.from('--b\r\n\r\n');
        for (;;) yield Buffer.alloc(1000);
      } finally {
        left = true;
      }
    }
    for await (const _ of onlyPart(endless(), 'b')) break;
    expect(left).toBe(true);
  });

  it('takes the boundary from the content type, quoted or not', () => {
    expect(boundaryOf('multipart/related; type="application/dicom"; boundary=x:1')).toBe('x:1');
    expect(boundaryOf('Multipart/Related;boundary="a b";type=x')).toBe('a b');
    for (const bad of ['', 'multipart/related', 'text/html; boundary=x', 'multipart/mixed; boundary=x']) {
      expect(() => boundaryOf(bad)).toThrow(expect.objectContaining({ code: 'IMAGING_ARCHIVE' }));
    }
  });
});

describe('jsonItems', () => {
  const list = async (text: string, size: number, max = 1000): Promise<unknown[]> => {
    const items: unknown[] = [];
    for await (const item of jsonItems(pieces(text, size), max)) items.push(item);
    return items;
  };

  it.each(sizes)('gives what JSON.parse gives, in pieces of %d bytes', async size => {
    for (const value of [[], [{}], [{ a: ['}]"\\', { b: 'ä"]' }] }, { c: '\\"' }], [{ a: [[[]]] }]]) {
      expect(await list(JSON.stringify(value), size)).toEqual(value);
      expect(await list(` ${JSON.stringify(value, null, 2)}\r\n`, size)).toEqual(value);
    }
  });

  it.each(['', '[', '[{}', '[{"a":1', '{}', '[1]', '[{}]x', '[{}][{}]', '[{"a"}]', 'null', '[{}]]'])(
    'refuses %p',
    async text => {
      await expect(list(text, 3)).rejects.toMatchObject({ code: 'IMAGING_ARCHIVE' });
    },
  );

  it('refuses an item larger than allowed before it is whole', async () => {
    const long = JSON.stringify([{ a: 'x'.repeat(2000) }]);
    await expect(list(long.slice(0, 1500), 10)).rejects.toMatchObject({ detail: { reason: 'item too large' } });
  });
});

describe('dicomwebArchive', () => {
  const record = (uid: string, more: object = {}) => ({
    '0020000D': { vr: 'UI', Value: [uid] },
    '00201208': { vr: 'IS', Value: [3] },
    ...more,
  });
  const answers = (of: (url: URL) => unknown, status = 200): { fetch: ArchiveFetch; asked: URL[] } => {
    const asked: URL[] = [];
    return {
      asked,
      fetch: async url => {
        asked.push(new URL(url));
        return { status, headers: { get: () => null }, body: pieces(JSON.stringify(of(new URL(url))), 4096) };
      },
    };
  };
  const uids = Array.from({ length: 1234 }, (_, n) => `1.2.${n + 1}`);
  const pageOf = (url: URL, size: number) => {
    const offset = Number(url.searchParams.get('offset'));
    return uids.slice(offset, offset + size).map(uid => record(uid));
  };

  it.each([
    ['by our measure', 500],
    ['by its own', 100],
  ])('lists all studies of an archive that pages %s', async (_how, size) => {
    const { fetch } = answers(url => pageOf(url, size));
    const listed = await dicomwebArchive({ url: 'http://pacs/rs/', fetch }).studies();
    expect(listed.map(study => study.studyInstanceUID)).toEqual([...uids].sort());
  });

  it('lists once what an archive without pages sends, and no more than the cap', async () => {
    const { fetch, asked } = answers(() => uids.map(uid => record(uid)));
    expect(await dicomwebArchive({ url: 'http://pacs/rs', fetch }).studies()).toHaveLength(uids.length);
    expect(asked).toHaveLength(2);
    let n = 0;
    const endless = answers(() => Array.from({ length: 500 }, () => record(`1.2.${++n}`)));
    expect(await dicomwebArchive({ url: 'http://pacs/rs', fetch: endless.fetch }).studies()).toHaveLength(10_000);
  });

  it('asks below its url alone and sends the headers that it was given', async () => {
    let sent: Record<string, string> = {};
    const { fetch, asked } = answers(() => []);
    const archive = dicomwebArchive({
      url: 'https://pacs:8443/rs//',
      headers: { authorization: 'Basic eDp5' },
      fetch: (url, init) => {
        sent = init.headers;
        return fetch(url, init);
      },
    });
    expect(await archive.findByAccession('A&B=*')).toEqual([]);
    expect(asked[0]?.href).toMatch(/^https:\/\/pacs:8443\/rs\/studies\?AccessionNumber=A%26B%3D\*&limit=500&offset=0&/);
    expect(sent).toMatchObject({ authorization: 'Basic eDp5', accept: 'application/dicom+json' });
    expect(await archive.findByUid('1.2/../x')).toBeNull();
    expect(asked).toHaveLength(1);
  });

  it('takes of what a wildcard finds only what was asked for', async () => {
    const found = [
      record('1.2.3', { '00080050': { Value: ['A1'] } }),
      record('1.2.4', { '00080050': { Value: ['A*'] } }),
    ];
    const { fetch } = answers(() => found);
    const [only, ...more] = await dicomwebArchive({ url: 'http://pacs/rs', fetch }).findByAccession('A*');
    expect([only?.studyInstanceUID, more]).toEqual(['1.2.4', []]);
  });

  it('lists a study only when its record was seen unchanged for stableMs', async () => {
    let now = 1000;
    let count = 3;
    const { fetch } = answers(url => {
      const whereabouts = { '00081190': { Value: [`http://pacs/${now}`] } };
      return url.searchParams.get('offset') === '0'
        ? [record('1.2.3', { ...whereabouts, '00080050': { Value: ['A'] }, '00201208': { Value: [count] } })]
        : [];
    });
    const archive = dicomwebArchive({ url: 'http://pacs/rs', fetch, stableMs: 500, now: () => now });
    expect(await archive.studies()).toHaveLength(0);
    now += 499;
    expect(await archive.findByUid('1.2.3')).toMatchObject({ stable: false });
    expect(await archive.findByAccession('A')).toEqual([]);
    count = 4;
    now += 1;
    expect(await archive.studies()).toHaveLength(0);
    now += 500;
    expect(await archive.studies()).toMatchObject([{ instances: 4 }]);
  });

  const one = (more: object = {}) => ({
    '0020000D': { Value: ['1.2.3'] },
    '0020000E': { Value: ['1.2.3.1'] },
    '00080018': { Value: ['1.2.3.1.1'] },
    ...more,
  });

  it('gives an instance another version when any attribute is another, and only then', async () => {
    let item: object = one({ '00100010': { Value: [{ Alphabetic: 'A^B' }] } });
    const archive = dicomwebArchive({ url: 'http://pacs/rs', fetch: answers(() => [item]).fetch });
    const version = async () => (await archive.instances('1.2.3'))[0]?.version;
    const first = await version();
    item = Object.fromEntries(
      Object.entries({
        ...item,
        '00081190': { Value: ['http://elsewhere'] },
        '00080056': { Value: ['NEARLINE'] },
      }).reverse(),
    );
    expect(await version()).toBe(first);
    item = one({ '00100010': { Value: [{ Alphabetic: 'A^C' }] } });
    expect(await version()).not.toBe(first);
  });

  it.each([
    ['no instance', [], 'IMAGING_STUDY_UNKNOWN'],
    ['an instance of another study', [one({ '0020000D': { Value: ['1.2.4'] } })], 'IMAGING_ARCHIVE'],
    ['an instance with a path for its UID', [one({ '00080018': { Value: ['../../x'] } })], 'IMAGING_ARCHIVE'],
    ['an instance without series', [one({ '0020000E': {} })], 'IMAGING_ARCHIVE'],
    ['two different ones with one UID', [one(), one({ '00100020': { Value: ['P'] } })], 'IMAGING_DUPLICATE_INSTANCE'],
    ['no list', { error: 'x' }, 'IMAGING_ARCHIVE'],
  ])('refuses a study with %s', async (_what, answer, code) => {
    const archive = dicomwebArchive({ url: 'http://pacs/rs', fetch: answers(() => answer).fetch });
    await expect(archive.instances('1.2.3')).rejects.toMatchObject({ code });
  });

  it.each([301, 302, 401, 403, 500, 503])('refuses an answer with status %d', async status => {
    const archive = dicomwebArchive({ url: 'http://pacs/rs', fetch: answers(() => [], status).fetch });
    const refused = { detail: { code: 'IMAGING_ARCHIVE', status } };
    await expect(archive.studies()).rejects.toMatchObject(refused);
    await expect(archive.instances('1.2.3')).rejects.toMatchObject(refused);
    const instance = { sopInstanceUID: '1.2.3.1.1', seriesInstanceUID: '1.2.3.1', version: '' };
    await expect(collect(archive.read('1.2.3', instance))).rejects.toMatchObject(refused);
  });

  it('says of an archive that is away that it is', async () => {
    const fetch: ArchiveFetch = async () => {
      throw new Error('ECONNREFUSED');
    };
    await expect(dicomwebArchive({ url: 'http://pacs/rs', fetch }).studies()).rejects.toMatchObject({
      detail: { code: 'IMAGING_ARCHIVE', reason: 'no answer' },
    });
  });
});
