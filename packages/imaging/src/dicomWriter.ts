/**
 * Elements as explicit VR little endian (PS3.5 §7.1.2), the one encoding that we write: for DICOMDIR and the phantom.
 * Values are padded to even length by their VR; text is UTF-8; sequences and items have defined lengths.
 */

/** `value`: text, a number (US, UL), bytes as they stand, or a sequence's items. `tag`: eight hex digits. */
export interface Element {
  tag: string;
  vr: string;
  value: string | number | Uint8Array | readonly (readonly Element[])[];
}

const longVrs = new Set(['OB', 'OW', 'SQ', 'UN', 'UT']);

function valueBytes({ vr, value }: Element): Uint8Array {
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(vr === 'US' ? 2 : 4);
    if (vr === 'US') bytes.writeUInt16LE(value);
    else bytes.writeUInt32LE(value);
    return bytes;
  }
  if (value instanceof Uint8Array) return value;
  if (typeof value !== 'string') return Buffer.concat(value.map(encodeItem));
  return Buffer.from(value, 'utf8');
}

function encodeItem(elements: readonly Element[]): Uint8Array {
  const body = encodeElements(elements);
  const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
}

/** The elements' bytes, in the order given, which must ascend by tag. */
export function encodeElements(elements: readonly Element[]): Buffer {
  return Buffer.concat(
    elements.flatMap(element => {
      const { tag, vr } = element;
      const value = valueBytes(element);
      const padded = value.length + (value.length % 2);
      const long = longVrs.has(vr);
      const head = Buffer.alloc(long ? 12 : 8);
      head.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
      head.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
      head.write(vr, 4, 'latin1');
      if (long) head.writeUInt32LE(padded, 8);
      else head.writeUInt16LE(padded, 6);
      const zero = vr === 'UI' || vr === 'OB' || vr === 'UN';
      return padded === value.length ? [head, value] : [head, value, Buffer.from([zero ? 0 : 0x20])];
    }),
  );
}

const explicitLittleEndian = '1.2.840.10008.1.2.1';

/** Names this software in the files that it writes (PS3.10 §7.1): a UUID of ours under 2.25. */
const implementationClassUID = '2.25.146317894020817461395310741028837214905';

/** A Part 10 file (PS3.10 §7): preamble of zeros, file meta information, data set. */
export function encodePart10(sopClassUID: string, sopInstanceUID: string, dataSet: Uint8Array): Buffer {
  const meta = encodeElements([
    { tag: '00020001', vr: 'OB', value: Uint8Array.of(0, 1) },
    { tag: '00020002', vr: 'UI', value: sopClassUID },
    { tag: '00020003', vr: 'UI', value: sopInstanceUID },
    { tag: '00020010', vr: 'UI', value: explicitLittleEndian },
    { tag: '00020012', vr: 'UI', value: implementationClassUID },
    { tag: '00020013', vr: 'SH', value: 'RADPASS_1' },
  ]);
  const length = encodeElements([{ tag: '00020000', vr: 'UL', value: meta.length }]);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), length, meta, dataSet]);
}

/** PS3.5 §B.2: "2.25." and 128 bits as a decimal number; `bytes` are 16, the version and variant bits of UUIDs are set. */
export function uidFromBytes(bytes: Uint8Array, version: 4 | 8): string {
  const uuid = Buffer.from(bytes.subarray(0, 16));
  uuid.writeUInt8((uuid.readUInt8(6) & 0x0f) | (version << 4), 6);
  uuid.writeUInt8((uuid.readUInt8(8) & 0x3f) | 0x80, 8);
  return `2.25.${BigInt(`0x${uuid.toString('hex')}`)}`;
}
