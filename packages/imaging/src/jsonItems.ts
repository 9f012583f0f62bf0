/** The items of a JSON array one by one (RFC 8259), so that an archive's long list never stands in memory as a whole. */
import { ImagingError } from './errors.js';

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];
const blanks = new Set([0x20, 0x09, 0x0a, 0x0d]);

function broken(reason: string, cause?: unknown): ImagingError {
  const detail = { code: 'IMAGING_ARCHIVE', reason } as const;
  return new ImagingError(detail, `the archive's answer is no list of DICOM JSON: ${reason}`, { cause });
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw broken('no JSON', error);
  }
}

/**
 * Each object of the array in `chunks`, parsed. `maxItemBytes` bounds one item.
 * Throws IMAGING_ARCHIVE on whatever is no array of objects, and on one that is cut off.
 */
export async function* jsonItems(chunks: AsyncIterable<Uint8Array>, maxItemBytes: number): AsyncGenerator<unknown> {
  let depth = 0; // 1 inside the array, more inside an item
  let inString = false;
  let escaped = false;
  let ended = false;
  let item: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let from = 0; // where the part of the item in this chunk begins
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at] ?? 0;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === backslash) escaped = true;
        else if (byte === quote) inString = false;
      } else if (depth > 1) {
        if (byte === quote) inString = true;
        else if (byte === openObject || byte === openArray) depth += 1;
        else if (byte === closeObject || byte === closeArray) depth -= 1;
        if (depth === 1) {
          item.push(bytes.subarray(from, at + 1));
          yield parse(Buffer.concat(item));
          item = [];
          length = 0;
        }
      } else if (byte === openArray && depth === 0 && !ended) {
        depth = 1;
      } else if (byte === closeArray && depth === 1) {
        depth = 0;
        ended = true;
      } else if (byte === openObject && depth === 1) {
        depth = 2;
        from = at;
      } else if (!blanks.has(byte) && !(byte === comma && depth === 1)) {
        throw broken('no array of objects');
      }
    }
    if (depth > 1) {
      const part = Buffer.from(bytes.subarray(from));
      item.push(part);
      length += part.length;
      if (length > maxItemBytes) throw broken('item too large');
    }
  }
  if (!ended) throw broken('cut off');
}
