/**
 * multipart/related (RFC 2046 §5.1, RFC 2387) as a DICOMweb archive answers an instance (PS3.18 §8.6.1.2): exactly one
 * part, streamed. What precedes the first boundary and what follows the last is left out; a second part, an end without
 * the closing boundary, or a part of another length than it announced is an error, so that nothing half reaches a study.
 */
import { ImagingError } from './errors.js';

const maxPartHeaderBytes = 16 * 1024;

function broken(reason: string): ImagingError {
  return new ImagingError({ code: 'IMAGING_ARCHIVE', reason }, `the archive's answer is no DICOMweb: ${reason}`);
}

/** The boundary of a Content-Type, which may be quoted. Throws IMAGING_ARCHIVE. */
export function boundaryOf(contentType: string): string {
  const match = /;\s*boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))/i.exec(contentType);
  const boundary = match?.[1] ?? match?.[2];
  if (!/^multipart\/related\s*;/i.test(contentType) || boundary === undefined) throw broken('content type');
  return boundary;
}

/** Reads a stream of chunks by what stands in it. */
class Reader {
  #rest: Buffer = Buffer.alloc(0);
  #ended = false;
  readonly #chunks: AsyncIterator<Uint8Array>;

  constructor(chunks: AsyncIterator<Uint8Array>) {
    this.#chunks = chunks;
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const { value, done } = await this.#chunks.next();
    if (done === true) {
      this.#ended = true;
      return false;
    }
    const chunk = Buffer.from(value.buffer, value.byteOffset, value.length);
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    return true;
  }

  /** All up to `mark` in pieces, the mark taken off. Throws IMAGING_ARCHIVE when the stream ends before it. */
  async *until(mark: Buffer): AsyncGenerator<Buffer> {
    for (;;) {
      const at = this.#rest.indexOf(mark);
      if (at >= 0) {
        const last = this.#rest.subarray(0, at);
        this.#rest = this.#rest.subarray(at + mark.length);
        if (last.length > 0) yield last;
        return;
      }
      // the last bytes may be the mark's first ones
      const sure = this.#rest.length - mark.length + 1;
      if (sure > 0) {
        const piece = this.#rest.subarray(0, sure);
        this.#rest = this.#rest.subarray(sure);
        yield piece;
      }
      if (!(await this.#more())) throw broken('cut off');
    }
  }

  async text(mark: string, limit: number): Promise<string> {
    const parts: Buffer[] = [];
    let length = 0;
    for await (const piece of this.until(Buffer.from(mark, 'latin1'))) {
      parts.push(piece);
      length += piece.length;
      if (length > limit) throw broken('part header');
    }
    return Buffer.concat(parts).toString('latin1');
  }

  async startsWith(text: string): Promise<boolean> {
    while (this.#rest.length < text.length && (await this.#more()));
    return this.#rest.toString('latin1', 0, text.length) === text;
  }
}

/** The bytes of the only part, in pieces as they come. Throws IMAGING_ARCHIVE; before its last piece it is not whole. */
export async function* onlyPart(body: AsyncIterable<Uint8Array>, boundary: string): AsyncGenerator<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  try {
    const reader = new Reader(chunks);
    const delimiter = `--${boundary}`;
    if (await reader.startsWith(delimiter)) await reader.text(delimiter, 0);
    else await reader.text(`\r\n${delimiter}`, maxPartHeaderBytes);
    await reader.text('\r\n', 256); // RFC 2046: white space may follow a boundary
    const bare = await reader.startsWith('\r\n');
    const header = await reader.text(bare ? '\r\n' : '\r\n\r\n', maxPartHeaderBytes);
    const announced = /^content-length:\s*(\d{1,15})\s*$/im.exec(header)?.[1];
    let length = 0;
    for await (const piece of reader.until(Buffer.from(`\r\n${delimiter}`, 'latin1'))) {
      length += piece.length;
      yield piece;
    }
    if (!(await reader.startsWith('--'))) throw broken('more than one part');
    if (announced !== undefined && Number(announced) !== length) throw broken('length of a part');
  } finally {
    await chunks.return?.();
  }
}
