/** Random access to the bytes of a header, counted, so that reading one has a bound whatever the file says. */
import { createInflateRaw } from 'node:zlib';
import { ImagingError } from './errors.js';

/** Most bytes that reading one header may touch: 1 MiB. Values that are skipped cost nothing. */
export const headerLimit = 1024 * 1024;

const windowBytes = 32 * 1024;

/** Where a scan takes its bytes from; `size` is the length of the whole, in bytes. */
export interface ByteSource {
  readonly size: number;
  /** At least `length` bytes at `offset`, fewer only at the end. */
  load(offset: number, length: number): Promise<Buffer>;
}

/** What a source reads from: an open file, or something that behaves like one. */
export interface RandomAccess {
  /** Fills `buffer` from `offset` on with at most `length` bytes that stand at `position`; 0 only at the end. */
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
}

/** Reads a file by windows of 32 KiB. Throws IMAGING_HEADER_TOO_LARGE when the windows add up to `limit`. */
export function fileSource(file: RandomAccess, size: number, limit = headerLimit): ByteSource {
  let spent = 0;
  let last = { offset: 0, bytes: Buffer.alloc(0) };
  return {
    size,
    async load(offset, length) {
      const known = last.bytes.subarray(Math.max(0, offset - last.offset));
      if (offset >= last.offset && length > 0 && known.length >= length) return known;
      const wanted = Math.max(Math.min(windowBytes, size - offset), length, 0);
      spent += wanted;
      if (spent > limit) {
        throw new ImagingError({ code: 'IMAGING_HEADER_TOO_LARGE', limit }, 'the header is larger than we read');
      }
      const bytes = Buffer.allocUnsafe(wanted);
      let filled = 0;
      while (filled < wanted) {
        const { bytesRead } = await file.read(bytes, filled, wanted - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      last = { offset, bytes: bytes.subarray(0, filled) };
      return last.bytes;
    },
  };
}

/** A source over bytes in memory. */
export function bufferSource(bytes: Buffer): ByteSource {
  return {
    size: bytes.length,
    load: async (offset, length) => bytes.subarray(offset, offset + Math.max(length, windowBytes)),
  };
}

/**
 * PS3.5 A.5: the data set behind the file meta information is one raw deflate stream.
 * Inflates at most `limit` bytes of it; `complete` tells whether that was all. Throws IMAGING_DAMAGED.
 */
export async function inflatePrefix(
  source: ByteSource,
  offset: number,
  limit = headerLimit,
): Promise<{ bytes: Buffer; complete: boolean }> {
  const inflate = createInflateRaw({ chunkSize: 16 * 1024 });
  const parts: Buffer[] = [];
  let length = 0;
  let at = offset;
  let failure: Error | undefined;
  inflate.on('error', error => {
    failure = error;
  });
  const ended = new Promise<void>(resolve => inflate.once('close', resolve));
  inflate.on('data', (part: Buffer) => {
    parts.push(part);
    length += part.length;
    if (length >= limit) inflate.destroy();
  });
  while (at < source.size && !inflate.destroyed) {
    const chunk = await source.load(at, Math.min(windowBytes, source.size - at));
    if (chunk.length === 0) break;
    at += chunk.length;
    if (!inflate.write(chunk) && !inflate.destroyed) {
      await Promise.race([new Promise<void>(resolve => inflate.once('drain', resolve)), ended]);
    }
  }
  if (!inflate.destroyed) inflate.end();
  await ended;
  if (failure !== undefined && length === 0) {
    throw new ImagingError({ code: 'IMAGING_DAMAGED', reason: 'deflate', offset }, 'the data set does not inflate', {
      cause: failure,
    });
  }
  return { bytes: Buffer.concat(parts).subarray(0, limit), complete: length < limit && failure === undefined };
}
