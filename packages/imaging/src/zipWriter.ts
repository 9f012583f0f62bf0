/**
 * A stored zip (PKWARE APPNOTE 6.3.10) whose every byte follows from names, contents and their order.
 *
 * Per entry: local header (4.3.7, sizes and CRC known ahead, no data descriptor), then the bytes as they are. Then the
 * central directory (4.3.12) and its end. Zip64 fields (4.5.3, 4.3.14, 4.3.15) exactly where a 32- or 16-bit field
 * overflows. Time is 1980-01-01 00:00:00; no comments, no attributes, ASCII names.
 */

/** `size` in bytes; `crc32` of the content. */
export interface ZipEntry {
  name: string;
  size: number;
  crc32: number;
}

const max16 = 0xffff;
const max32 = 0xffffffff;
const fixedDate = 0x0021; // 1980-01-01
const plainVersion = 20;
const zip64Version = 45;

function fields(...parts: [bytes: 2 | 4 | 8, value: number][]): Buffer {
  const out = Buffer.alloc(parts.reduce((sum, [bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [bytes, value] of parts) {
    if (bytes === 8) out.writeBigUInt64LE(BigInt(value), at);
    else out.writeUIntLE(value, at, bytes);
    at += bytes;
  }
  return out;
}

/** Zip64 extended information (4.5.3) with the values that do not fit, or nothing. */
function zip64Extra(values: number[]): Buffer {
  if (values.length === 0) return Buffer.alloc(0);
  return fields([2, 0x0001], [2, values.length * 8], ...values.map((value): [8, number] => [8, value]));
}

/** 4.3.7 */
export function localHeader({ name, size, crc32 }: ZipEntry): Buffer {
  const large = size >= max32;
  const extra = zip64Extra(large ? [size, size] : []);
  const written = large ? max32 : size;
  const head = fields(
    [4, 0x04034b50],
    [2, large ? zip64Version : plainVersion],
    [2, 0],
    [2, 0],
    [2, 0],
    [2, fixedDate],
    [4, crc32],
    [4, written],
    [4, written],
    [2, name.length],
    [2, extra.length],
  );
  return Buffer.concat([head, Buffer.from(name, 'latin1'), extra]);
}

/** 4.3.12 */
function centralHeader({ name, size, crc32 }: ZipEntry, offset: number): Buffer {
  const large = size >= max32;
  const far = offset >= max32;
  const extra = zip64Extra([...(large ? [size, size] : []), ...(far ? [offset] : [])]);
  const version = large || far ? zip64Version : plainVersion;
  const written = large ? max32 : size;
  const head = fields(
    [4, 0x02014b50],
    [2, version],
    [2, version],
    [2, 0],
    [2, 0],
    [2, 0],
    [2, fixedDate],
    [4, crc32],
    [4, written],
    [4, written],
    [2, name.length],
    [2, extra.length],
    [2, 0],
    [2, 0],
    [2, 0],
    [4, 0],
    [4, far ? max32 : offset],
  );
  return Buffer.concat([head, Buffer.from(name, 'latin1'), extra]);
}

/** Central directory and its end, for entries that were written in this order from offset 0 on. */
export function centralDirectory(entries: readonly ZipEntry[]): Buffer {
  let offset = 0;
  const headers = entries.map(entry => {
    const header = centralHeader(entry, offset);
    offset += localHeader(entry).length + entry.size;
    return header;
  });
  const size = headers.reduce((sum, header) => sum + header.length, 0);
  const count = entries.length;
  const large = count >= max16 || size >= max32 || offset >= max32;
  const end64 = fields(
    [4, 0x06064b50],
    [8, 44],
    [2, zip64Version],
    [2, zip64Version],
    [4, 0],
    [4, 0],
    [8, count],
    [8, count],
    [8, size],
    [8, offset],
  );
  const locator = fields([4, 0x07064b50], [4, 0], [8, offset + size], [4, 1]);
  const end = fields(
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, Math.min(count, max16)],
    [2, Math.min(count, max16)],
    [4, Math.min(size, max32)],
    [4, Math.min(offset, max32)],
    [2, 0],
  );
  return Buffer.concat([...headers, ...(large ? [end64, locator] : []), end]);
}

/** Length in bytes of the whole archive. */
export function zipSize(entries: readonly ZipEntry[]): number {
  const stored = entries.reduce((sum, entry) => sum + localHeader(entry).length + entry.size, 0);
  return stored + centralDirectory(entries).length;
}
