/**
 * MTOM/XOP packages (SOAP MTOM, XOP 1.0, RFC 2387): the envelope as root part, documents as binary parts beside it.
 * One splitter reads both directions, by push; readers of streams keep back-pressure, since nothing is read ahead of
 * what is consumed. A written package's length is known as far as that of its attachments is.
 *
 * Read: CRLF line ends; the root part first; `boundary` quoted or not (with colons, as JAX-WS has it); `start` with or
 * without angle brackets; parts binary, 8bit or 7bit; nothing before the first delimiter or after the last but line ends.
 */
import { concatBytes, utf8 } from '@radpass/core';
import { XdsError } from './errors.js';
import { xmlLimits } from './xmlReader.js';

/** Caps of a multipart package beside those of its parts. */
export const mimeLimits = { contentTypeLength: 2_048, headerBytes: 4_096, headers: 16, epilogueBytes: 1_024 } as const;

/** Largest request body: an envelope and the package around it. */
export const maxRequestBytes = xmlLimits.bytes + 2 * mimeLimits.headerBytes;

export interface ContentType {
  /** lower case, e.g. "multipart/related" */
  readonly type: string;
  /** names in lower case; quoting undone */
  readonly parameters: ReadonlyMap<string, string>;
}

/** @throws XdsError XDS_CONTENT_TYPE, also for a repeated parameter */
export function parseContentType(text: string): ContentType {
  const start = /^[\t ]*([a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+)[\t ]*(?=;|$)/i.exec(text);
  if (start === null || text.length > mimeLimits.contentTypeLength) throw badType('malformed');
  const parameters = new Map<string, string>();
  const parameter = /;[\t ]*(?:([a-z0-9!#$&^_.+*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s";,]+)))?[\t ]*(?=;|$)/iy;
  parameter.lastIndex = start[0].length;
  while (parameter.lastIndex < text.length) {
    const match = parameter.exec(text);
    if (match === null) throw badType('a malformed parameter');
    if (match[1] === undefined) continue; // a semicolon with nothing after it
    const name = match[1].toLowerCase();
    if (parameters.has(name)) throw badType('a repeated parameter');
    parameters.set(name, match[3] ?? match[2]!.replace(/\\(.)/g, '$1'));
  }
  return { type: start[1]!.toLowerCase(), parameters };
}

/** What a message's Content-Type announces: plain SOAP 1.2, or a package with its boundary. */
export type Packaging =
  | { readonly form: 'soap'; readonly action: string | undefined }
  | {
      readonly form: 'mtom';
      readonly action: string | undefined;
      readonly boundary: string;
      readonly start: string | undefined;
    };

/** @throws XdsError XDS_CONTENT_TYPE */
export function readPackaging(contentType: string): Packaging {
  const { type, parameters } = parseContentType(contentType);
  if (type === 'application/soap+xml') {
    checkCharset(parameters);
    return { form: 'soap', action: parameters.get('action') };
  }
  if (type !== 'multipart/related') throw badType('neither application/soap+xml nor multipart/related');
  if (parameters.get('type')?.toLowerCase() !== 'application/xop+xml') throw badType('the root part is no XOP');
  const inner = parameters.get('start-info');
  if (inner !== undefined) checkInner(inner);
  const boundary = parameters.get('boundary') ?? '';
  if (!/^[\x20-\x7e]{0,69}[\x21-\x7e]$/.test(boundary)) throw badType('no usable boundary');
  return { form: 'mtom', action: parameters.get('action'), boundary, start: parameters.get('start') };
}

/** The type within: SOAP 1.2, whose own parameters may stand there, quoted. */
function checkInner(text: string): void {
  if (parseContentType(text).type !== 'application/soap+xml') throw badType('the package holds no SOAP 1.2');
}

function checkCharset(parameters: ReadonlyMap<string, string>): void {
  if ((parameters.get('charset') ?? 'utf-8').toLowerCase() !== 'utf-8') throw badType('a charset other than UTF-8');
}

/** Headers of a part, names in lower case. */
export type PartHeaders = ReadonlyMap<string, string>;

/** The envelope in a request's body. @throws XdsError XDS_TOO_LARGE, XDS_CONTENT_TYPE, XDS_MIME */
export function unpackRequest(packaging: Packaging, body: Uint8Array): Uint8Array {
  if (body.length > maxRequestBytes) throw tooLarge('request', maxRequestBytes);
  if (packaging.form === 'soap') return body;
  const splitter = new MimeSplitter(packaging.boundary);
  const root: Uint8Array[] = [];
  let parts = 0;
  for (const event of splitter.push(body)) {
    if (event.kind === 'data') root.push(event.bytes);
    if (event.kind === 'part') {
      if (++parts > 1) throw badMime('a request with attachments');
      checkRoot(event.headers, packaging.start);
    }
  }
  splitter.finish();
  return root.length === 1 ? root[0]! : concatBytes(...root);
}

/** Check that a part is the root that the package announced. @throws XdsError XDS_MIME, XDS_CONTENT_TYPE */
export function checkRoot(headers: PartHeaders, start: string | undefined): void {
  const { type, parameters } = parseContentType(headers.get('content-type') ?? '');
  if (type !== 'application/xop+xml') throw badMime('the first part is no XOP');
  checkCharset(parameters);
  const inner = parameters.get('type');
  if (inner !== undefined) checkInner(inner);
  if (start !== undefined && stripBrackets(start) !== contentIdOf(headers))
    throw badMime('the first part is not the root');
}

/** A part's Content-ID without angle brackets, or undefined. */
export function contentIdOf(headers: PartHeaders): string | undefined {
  const id = headers.get('content-id');
  return id === undefined ? undefined : stripBrackets(id);
}

function stripBrackets(id: string): string {
  return id.startsWith('<') && id.endsWith('>') ? id.slice(1, -1) : id;
}

export type MimeEvent =
  | { readonly kind: 'part'; readonly headers: PartHeaders }
  | { readonly kind: 'data'; readonly bytes: Uint8Array } // a view on the pushed chunk
  | { readonly kind: 'end' }; // of a part

const cr = 0x0d;
const lf = 0x0a;
const dash = 0x2d;

/**
 * Splits a multipart body that arrives in chunks of any size. Holds back at most a delimiter's length of content and
 * one part's headers.
 */
export class MimeSplitter {
  readonly #delimiter: Uint8Array;
  #state: 'preamble' | 'delimiter' | 'headers' | 'data' | 'epilogue' = 'preamble';
  #held: Uint8Array = Uint8Array.of(cr, lf); // a line end before the first delimiter, as before all others
  #epilogue = 0;

  constructor(boundary: string) {
    this.#delimiter = utf8(`\r\n--${boundary}`);
  }

  /** @throws XdsError XDS_MIME, XDS_TOO_LARGE while iterating; iterate to the end before the next push */
  *push(chunk: Uint8Array): Generator<MimeEvent, void> {
    const bytes = this.#held.length === 0 ? chunk : concatBytes(this.#held, chunk);
    let at = 0;
    for (;;) {
      if (this.#state === 'data') {
        const { end, found } = this.#findDelimiter(bytes, at);
        if (end > at) yield { kind: 'data', bytes: bytes.subarray(at, end) };
        at = end;
        if (!found) break;
        at += this.#delimiter.length;
        this.#state = 'delimiter';
        yield { kind: 'end' };
      } else if (this.#state === 'headers') {
        const end = findBlankLine(bytes, at);
        if ((end < 0 ? bytes.length : end) - at > mimeLimits.headerBytes)
          throw tooLarge('part headers', mimeLimits.headerBytes);
        if (end < 0) break;
        const headers = parseHeaders(bytes.subarray(at, end));
        at = end + 4;
        this.#state = 'data';
        yield { kind: 'part', headers };
      } else if (this.#state === 'delimiter') {
        if (bytes.length - at < 2) break;
        if (bytes[at] === dash && bytes[at + 1] === dash) {
          at += 2;
          this.#state = 'epilogue';
        } else if (bytes[at] === cr && bytes[at + 1] === lf) {
          this.#state = 'headers'; // the line end stays, so that a part without headers has its blank line too
        } else {
          throw badMime('a delimiter line that goes on');
        }
      } else if (this.#state === 'preamble') {
        if (bytes.length < this.#delimiter.length + 2) break;
        if (matches(bytes, 0, this.#delimiter)) at = this.#delimiter.length;
        else if (matches(bytes, 2, this.#delimiter)) at = this.#delimiter.length + 2;
        else throw badMime('no delimiter at the start');
        this.#state = 'delimiter';
      } else {
        this.#epilogue += bytes.length - at;
        const blank = bytes.subarray(at).every(byte => byte === cr || byte === lf);
        if (!blank || this.#epilogue > mimeLimits.epilogueBytes) throw badMime('something after the last part');
        at = bytes.length;
        break;
      }
    }
    this.#held = bytes.slice(at);
  }

  /** @throws XdsError XDS_MIME unless the closing delimiter came */
  finish(): void {
    if (this.#state !== 'epilogue') throw badMime('cut off before the closing delimiter');
  }

  /** Content reaches to `end`: the delimiter (found), or where it may have begun, or all there is. */
  #findDelimiter(bytes: Uint8Array, from: number): { end: number; found: boolean } {
    for (let at = bytes.indexOf(cr, from); at >= 0; at = bytes.indexOf(cr, at + 1)) {
      if (matches(bytes, at, this.#delimiter)) return { end: at, found: bytes.length - at >= this.#delimiter.length };
    }
    return { end: bytes.length, found: false };
  }
}

/** Does `bytes` from `at` on agree with `wanted`, as far as both go? */
function matches(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  const length = Math.min(wanted.length, bytes.length - at);
  for (let i = 0; i < length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

function findBlankLine(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(cr, from); at >= 0; at = bytes.indexOf(cr, at + 1)) {
    if (bytes[at + 1] === lf && bytes[at + 2] === cr && bytes[at + 3] === lf) return at;
  }
  return -1;
}

/** RFC 2822 header lines, folded ones joined. `block` is empty or begins with a line end. */
function parseHeaders(block: Uint8Array): PartHeaders {
  const text = String.fromCharCode(...block);
  const headers = new Map<string, string>();
  for (const line of text
    .replace(/\r\n[\t ]+/g, ' ')
    .split('\r\n')
    .slice(1)) {
    const match = /^([A-Za-z0-9-]+):[\t ]*([\t\x20-\x7e]*?)[\t ]*$/.exec(line);
    const name = match?.[1]?.toLowerCase();
    if (match === null || name === undefined || headers.has(name)) throw badMime('a malformed or repeated part header');
    headers.set(name, match[2]!);
  }
  if (headers.size > mimeLimits.headers) throw badMime(`more than ${mimeLimits.headers} part headers`);
  const encoding = (headers.get('content-transfer-encoding') ?? 'binary').toLowerCase();
  if (!['binary', '8bit', '7bit'].includes(encoding)) throw badMime('a part in a transfer encoding');
  return headers;
}

export interface Part {
  readonly headers: PartHeaders;
  /** to be read before the next part is asked for; what is left unread is read and dropped then */
  readonly content: AsyncGenerator<Uint8Array, void>;
}

/**
 * The parts of a package that streams in. Reading stops with the consumer: leaving the loop closes the stream.
 * @throws XdsError XDS_MIME when the package is malformed, or ends before its closing delimiter
 */
export async function* readParts(stream: AsyncIterable<Uint8Array>, boundary: string): AsyncGenerator<Part, void> {
  const events = splitStream(stream, boundary);
  try {
    for (let next = await events.next(); next.done !== true; next = await events.next()) {
      if (next.value.kind !== 'part') continue;
      const content = readContent(events);
      yield { headers: next.value.headers, content };
      for await (const _ of content);
    }
  } finally {
    await events.return();
  }
}

async function* splitStream(stream: AsyncIterable<Uint8Array>, boundary: string): AsyncGenerator<MimeEvent, void> {
  const splitter = new MimeSplitter(boundary);
  for await (const chunk of stream) yield* splitter.push(chunk);
  splitter.finish();
}

async function* readContent(events: AsyncGenerator<MimeEvent, void>): AsyncGenerator<Uint8Array, void> {
  for (let next = await events.next(); next.done !== true; next = await events.next()) {
    if (next.value.kind === 'end') return;
    if (next.value.kind === 'data') yield next.value.bytes;
  }
}

/** A binary part to be written. */
export interface Attachment {
  readonly contentId: string;
  readonly mimeType: string;
  readonly content: () => AsyncIterable<Uint8Array>;
}

/** A package ready to be written. */
export interface Package {
  readonly contentType: string;
  /** bytes beside the attachments' content */
  readonly framingLength: number;
  readonly head: Uint8Array;
  readonly stream: () => AsyncGenerator<Uint8Array, void>;
}

/**
 * Put an envelope and its attachments into one package.
 * @param p.token - fresh random text, of letters and digits, for the boundary
 */
export function packMultipart(p: {
  root: Uint8Array;
  attachments: readonly Attachment[];
  action: string;
  token: string;
}): Package {
  const boundary = `radpass-${p.token}`;
  const rootId = `root.${p.token}@radpass`;
  const headers = (type: string, id: string): string =>
    `--${boundary}\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <${id}>\r\n\r\n`;
  const rootType = 'application/xop+xml; charset=UTF-8; type="application/soap+xml"';
  const parts = p.attachments.map(attachment => ({
    attachment,
    head: utf8(`\r\n${headers(attachment.mimeType, attachment.contentId)}`),
  }));
  const tail = utf8(`\r\n--${boundary}--\r\n`);
  const head = concatBytes(utf8(headers(rootType, rootId)), p.root, parts.length === 0 ? tail : new Uint8Array());
  let framingLength = head.length + (parts.length === 0 ? 0 : tail.length);
  for (const part of parts) framingLength += part.head.length;
  return {
    contentType:
      `multipart/related; type="application/xop+xml"; start="<${rootId}>"; start-info="application/soap+xml"; ` +
      `boundary="${boundary}"; action="${p.action}"`,
    framingLength,
    head,
    async *stream() {
      yield head;
      for (const part of parts) {
        yield part.head;
        yield* part.attachment.content();
      }
      if (parts.length > 0) yield tail;
    },
  };
}

function tooLarge(what: string, maxBytes: number): XdsError {
  return new XdsError({ code: 'XDS_TOO_LARGE', what, maxBytes }, `${what} of more than ${maxBytes} bytes`);
}

function badType(reason: string): XdsError {
  return new XdsError({ code: 'XDS_CONTENT_TYPE', reason }, `Content-Type refused: ${reason}`);
}

function badMime(reason: string): XdsError {
  return new XdsError({ code: 'XDS_MIME', reason }, `multipart message refused: ${reason}`);
}
