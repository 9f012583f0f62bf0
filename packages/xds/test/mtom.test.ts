/** MIME packages: Content-Type as clients write it, the splitter at every cut, and refusals. */
import { describe, expect, it } from '@jest/globals';
import { concatBytes, utf8 } from '@radpass/core';
import {
  MimeSplitter,
  packMultipart,
  parseContentType,
  readPackaging,
  readParts,
  unpackRequest,
} from '../dist/mtom.js';
import { refusal, refusalOf, text } from './messages.js';

const typed = (boundary: string, more = ''): string =>
  `multipart/related; type="application/xop+xml"; ${boundary}; start-info="application/soap+xml"${more}`;
const root =
  'Content-Type: application/xop+xml; charset=UTF-8; type="application/soap+xml"\r\nContent-ID: <root@x>\r\n\r\n';

describe('parseContentType', () => {
  it.each([
    [
      'a boundary with colons, unquoted',
      'multipart/related;boundary=uuid:1-2;type="a/b"',
      { boundary: 'uuid:1-2', type: 'a/b' },
    ],
    [
      'escaped quotes',
      'm/r; start-info="application/soap+xml; action=\\"urn:x\\""',
      { 'start-info': 'application/soap+xml; action="urn:x"' },
    ],
    ['no space, a trailing semicolon, capitals', 'M/R;CharSet=UTF-8;', { charset: 'UTF-8' }],
    ['equals signs in a boundary', 'm/r; boundary=----=_Part_0_1.2', { boundary: '----=_Part_0_1.2' }],
    ['a semicolon within quotes', 'm/r; a="b;c=d"; e=f', { a: 'b;c=d', e: 'f' }],
    ['an empty quoted value', 'm/r; a=""', { a: '' }],
  ])('reads %s', (_, value, parameters) => {
    const parsed = parseContentType(value);
    expect(parsed.type).toBe('m/r'.includes(parsed.type) ? 'm/r' : 'multipart/related');
    expect(Object.fromEntries(parsed.parameters)).toEqual(parameters);
  });

  it.each([
    '',
    'text',
    'a/b; c',
    'a/b; c=',
    'a/b; c="d',
    'a/b; c=d; C=e',
    'a/b; c=d e',
    'a/b, a/c',
    `a/b; c=${'x'.repeat(2_048)}`,
  ])('refuses %j', value => {
    expect(refusal(() => parseContentType(value))).toBe('XDS_CONTENT_TYPE');
  });
});

describe('readPackaging', () => {
  it.each([
    'text/xml; charset=utf-8',
    'application/soap+xml; charset=iso-8859-1',
    'multipart/related; type="text/xml"; boundary=b',
    'multipart/related; type="application/xop+xml"',
    'multipart/related; type="application/xop+xml"; boundary=""',
    typed(`boundary="${'b'.repeat(71)}"`),
    'multipart/related; type="application/xop+xml"; boundary=b; start-info="text/xml"',
    'multipart/mixed; boundary=b',
  ])('refuses %j', value => {
    expect(refusal(() => readPackaging(value))).toBe('XDS_CONTENT_TYPE');
  });

  it('reads the action beside the package and beside plain SOAP', () => {
    expect(readPackaging('application/soap+xml;action="urn:x"').action).toBe('urn:x');
    expect(readPackaging(typed('boundary=b', '; action="urn:x"')).action).toBe('urn:x');
  });
});

describe('unpackRequest', () => {
  const unpack = (body: string, more = ''): string =>
    text(unpackRequest(readPackaging(typed('boundary=b:1', more)), utf8(body)));

  it.each([
    ['as JAX-WS writes it', `--b:1\r\n${root}<e/>\r\n--b:1--`],
    ['with a line end first and last', `\r\n--b:1\r\n${root}<e/>\r\n--b:1--\r\n\r\n`],
    [
      'with folded and lower-case headers',
      `--b:1\r\ncontent-type: application/xop+xml;\r\n type="application/soap+xml; action=\\"urn:x\\""\r\ncontent-transfer-encoding: 8BIT\r\n\r\n<e/>\r\n--b:1--`,
    ],
  ])('takes a package %s', (_, body) => {
    expect(unpack(body)).toBe('<e/>');
  });

  it('takes start with and without brackets', () => {
    expect(unpack(`--b:1\r\n${root}<e/>\r\n--b:1--`, '; start="<root@x>"')).toBe('<e/>');
    expect(unpack(`--b:1\r\n${root}<e/>\r\n--b:1--`, '; start="root@x"')).toBe('<e/>');
  });

  it('keeps line ends and delimiter-like text of the content', () => {
    expect(unpack(`--b:1\r\n${root}\r\n--b\r\n--c:1\r\r\n\r\n--b:1--`)).toBe('\r\n--b\r\n--c:1\r\r\n');
  });

  it.each([
    ['an attachment', `--b:1\r\n${root}<e/>\r\n--b:1\r\nContent-ID: <a>\r\n\r\nx\r\n--b:1--`],
    ['a second root', `--b:1\r\n${root}<e/>\r\n--b:1\r\n${root}<f/>\r\n--b:1--`],
    ['no closing delimiter', `--b:1\r\n${root}<e/>\r\n--b:1\r\n`],
    ['nothing', ''],
    ['a preamble', `x\r\n--b:1\r\n${root}<e/>\r\n--b:1--`],
    ['an epilogue', `--b:1\r\n${root}<e/>\r\n--b:1--x`],
    ['a long epilogue', `--b:1\r\n${root}<e/>\r\n--b:1--${'\r\n'.repeat(600)}`],
    ['a delimiter that goes on', `--b:1x\r\n${root}<e/>\r\n--b:1--`],
    ['a transfer encoding', `--b:1\r\nContent-Transfer-Encoding: base64\r\n${root}PGUvPg==\r\n--b:1--`],
    ['a header twice', `--b:1\r\nContent-ID: <x>\r\n${root}<e/>\r\n--b:1--`],
    ['a header without a colon', `--b:1\r\nx\r\n${root}<e/>\r\n--b:1--`],
    ['bare line feeds', `--b:1\n${root.replaceAll('\r', '')}<e/>\n--b:1--`],
  ])('refuses %s', (_, body) => {
    expect(refusal(() => unpack(body))).toBe('XDS_MIME');
  });

  it('refuses a root that is no XOP, and one that start does not name', () => {
    expect(refusal(() => unpack('--b:1\r\nContent-Type: text/xml\r\n\r\n<e/>\r\n--b:1--'))).toBe('XDS_MIME');
    expect(refusal(() => unpack('--b:1\r\n\r\n<e/>\r\n--b:1--'))).toBe('XDS_CONTENT_TYPE');
    expect(refusal(() => unpack(`--b:1\r\n${root}<e/>\r\n--b:1--`, '; start="<other@x>"'))).toBe('XDS_MIME');
  });

  it('caps headers and body', () => {
    expect(refusal(() => unpack(`--b:1\r\nX: ${'y'.repeat(4_100)}\r\n${root}<e/>\r\n--b:1--`))).toBe('XDS_TOO_LARGE');
    expect(refusal(() => unpack('x'.repeat(80_000)))).toBe('XDS_TOO_LARGE');
  });
});

describe('a package that streams', () => {
  const bytes = new Uint8Array(300).map((_, i) => (i % 7 === 0 ? 13 : i % 7 === 1 ? 10 : i));
  const packed = packMultipart({
    root: utf8('<e/>'),
    attachments: ['a', 'b'].map(contentId => ({
      contentId,
      mimeType: 'application/zip',
      content: async function* () {
        yield bytes;
      },
    })),
    action: 'urn:x',
    token: 'abc',
  });
  const packaging = readPackaging(packed.contentType);
  const boundary = packaging.form === 'mtom' ? packaging.boundary : '';

  async function whole(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of packed.stream()) chunks.push(chunk);
    return concatBytes(...chunks);
  }

  it('has exactly the announced length', async () => {
    expect((await whole()).length).toBe(2 * 300 + packed.framingLength);
  });

  it('is read the same however it is cut', async () => {
    const message = await whole();
    for (const size of [1, 2, 3, 5, 7, 64, 299, message.length]) {
      const parts: [string | undefined, Uint8Array][] = [];
      const cut = async function* (): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < message.length; at += size) yield message.subarray(at, at + size);
      };
      for await (const part of readParts(cut(), boundary)) {
        const content: Uint8Array[] = [];
        for await (const chunk of part.content) content.push(chunk.slice());
        parts.push([part.headers.get('content-id'), concatBytes(...content)]);
      }
      expect(parts).toEqual([
        ['<root.abc@radpass>', utf8('<e/>')],
        ['<a>', bytes],
        ['<b>', bytes],
      ]);
    }
  });

  it('is refused when cut off at any place', async () => {
    const message = await whole();
    for (let end = 0; end < message.length - 4; end += 13) {
      const cut = async function* (): AsyncGenerator<Uint8Array> {
        yield message.subarray(0, end);
      };
      expect(
        await refusalOf(async () => {
          for await (const _ of readParts(cut(), boundary));
        }),
      ).toBe('XDS_MIME');
    }
  });

  it('is not read ahead of its consumer, and is closed when the consumer leaves', async () => {
    let pulled = 0;
    let closed = false;
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield utf8(`--${boundary}\r\n\r\n`);
        for (;;) {
          pulled++;
          yield new Uint8Array(1_000);
        }
      } finally {
        closed = true;
      }
    };
    for await (const part of readParts(endless(), boundary)) {
      for await (const _ of part.content) if (pulled === 3) break;
      break;
    }
    expect(pulled).toBe(3);
    expect(closed).toBe(true);
  });

  it('holds back no more than a delimiter', () => {
    const splitter = new MimeSplitter('b');
    const events = [...splitter.push(utf8('--b\r\n\r\nabc\r\n-'))];
    expect(events.map(event => (event.kind === 'data' ? text(event.bytes) : event.kind))).toEqual(['part', 'abc']);
    expect([...splitter.push(utf8('x'))].map(event => (event.kind === 'data' ? text(event.bytes) : ''))).toEqual([
      '\r\n-x',
    ]);
  });
});
