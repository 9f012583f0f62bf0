/**
 * A walk over a data set's elements (PS3.5 §7) that picks the few we need and skips the rest unread.
 *
 * It trusts nothing: lengths stay inside the file, top-level tags ascend and stand once (two parsers must not see two
 * studies in one file), nesting has a depth, and the source counts what is read. What it hands on is a small list of
 * well-formed elements; only those ever reach the DICOM library.
 */
import type { ByteSource } from './byteSource.js';
import { ImagingError } from './errors.js';
import { conceptSequence, conceptVrs, headerVrs, lastHeaderTag, lastNeededTag } from './tags.js';

/** One picked element: tag as eight hex digits, VR of the dictionary, value bytes in little endian. */
export interface PickedElement {
  tag: string;
  vr: string;
  value: Buffer;
}

export interface DataSetEncoding {
  implicit: boolean;
  bigEndian: boolean;
}

const undefinedLength = 0xffffffff;
const maxDepth = 16;
const maxValueBytes = 10_240; // the longest of the picked VRs, LT and ST, has 10,240 characters
const longVrs = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);
const item = 0xfffee000;
const itemEnd = 0xfffee00d;
const sequenceEnd = 0xfffee0dd;
const pixelData = 0x7fe00010;

/** What stands open while walking: a sequence's items, or the elements of an item; `end` is a file offset. */
interface Frame {
  kind: 'items' | 'elements';
  end: number;
  delimited: boolean; // undefined length: only a delimiter ends it
  implicit: boolean;
  concept: boolean;
}

interface ElementHead {
  tag: number;
  vr: string;
  length: number;
}

const hexTag = (tag: number) => tag.toString(16).toUpperCase().padStart(8, '0');

class Scan {
  #window: Buffer = Buffer.alloc(0);
  #windowAt = 0;
  at: number;

  constructor(
    readonly source: ByteSource,
    start: number,
    readonly encoding: DataSetEncoding,
  ) {
    this.at = start;
  }

  damaged(reason: string): ImagingError {
    return new ImagingError({ code: 'IMAGING_DAMAGED', reason, offset: this.at }, `damaged DICOM header: ${reason}`);
  }

  truncated(needed: number): ImagingError {
    const detail = { code: 'IMAGING_TRUNCATED', size: this.source.size, needed } as const;
    return new ImagingError(detail, 'the file ends inside an element');
  }

  async bytes(length: number): Promise<Buffer> {
    if (length === 0) return Buffer.alloc(0);
    const from = this.at - this.#windowAt;
    if (from < 0 || from + length > this.#window.length) {
      this.#window = await this.source.load(this.at, length);
      this.#windowAt = this.at;
      if (this.#window.length < length) throw this.truncated(this.at + length);
    }
    const start = this.at - this.#windowAt;
    this.at += length;
    return this.#window.subarray(start, start + length);
  }

  u16(bytes: Buffer, at: number): number {
    return this.encoding.bigEndian ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at);
  }

  u32(bytes: Buffer, at: number): number {
    return this.encoding.bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
  }

  /** PS3.5 §7.1.2 and §7.1.3; items and delimiters (§7.5) have no VR in any encoding. */
  async head(implicit: boolean): Promise<ElementHead> {
    const bytes = await this.bytes(8);
    const tag = this.u16(bytes, 0) * 0x10000 + this.u16(bytes, 2);
    if (tag >>> 16 === 0xfffe || implicit) return { tag, vr: '', length: this.u32(bytes, 4) };
    const vr = bytes.toString('latin1', 4, 6);
    if (!/^[A-Z]{2}$/.test(vr)) throw this.damaged('VR');
    if (!longVrs.has(vr)) return { tag, vr, length: this.u16(bytes, 6) };
    return { tag, vr, length: this.u32(await this.bytes(4), 0) };
  }

  /** Past a value of known length, which must lie inside `end`. */
  skip(length: number, end: number): void {
    if (this.at + length > end) {
      if (end === this.source.size) throw this.truncated(this.at + length);
      throw this.damaged('value longer than its item');
    }
    this.at += length;
  }
}

/** Group 0002 (PS3.10 §7.1): always explicit little endian; returns what was picked and where the data set starts. */
export async function scanMeta(source: ByteSource, start: number): Promise<{ picked: PickedElement[]; end: number }> {
  const scan = new Scan(source, start, { implicit: false, bigEndian: false });
  const picked: PickedElement[] = [];
  let previous = -1;
  while (scan.at < source.size) {
    const before = scan.at;
    const group = (await scan.bytes(8)).readUInt16LE(0);
    scan.at = before;
    if (group !== 2) break;
    const head = await scan.head(false);
    if (head.tag <= previous) throw scan.damaged('order of elements');
    previous = head.tag;
    await pick(scan, head, source.size, headerVrs, picked);
  }
  return { picked, end: scan.at };
}

async function pick(
  scan: Scan,
  head: ElementHead,
  end: number,
  wanted: ReadonlyMap<string, string>,
  picked: PickedElement[],
): Promise<void> {
  const tag = hexTag(head.tag);
  const vr = wanted.get(tag);
  if (vr === undefined) return scan.skip(head.length, end);
  if (head.length > maxValueBytes) throw scan.damaged('value longer than its VR allows');
  const from = scan.at;
  scan.skip(head.length, end);
  scan.at = from;
  const value = Buffer.from(await scan.bytes(head.length));
  if (vr === 'US' && scan.encoding.bigEndian && value.length % 2 === 0) value.swap16();
  picked.push({ tag, vr, value });
}

/**
 * The picked elements of a data set from `start`, and those of its report title.
 * `complete` is false where the source holds only the first part of a data set: its end is then no error. Nothing beyond
 * the tag `upTo` is looked at.
 * Throws IMAGING_TRUNCATED, IMAGING_DAMAGED, IMAGING_HEADER_TOO_LARGE.
 */
export async function scanDataSet(
  source: ByteSource,
  start: number,
  encoding: DataSetEncoding,
  { complete = true, upTo = Number.POSITIVE_INFINITY }: { complete?: boolean; upTo?: number } = {},
): Promise<PickedElement[]> {
  const scan = new Scan(source, start, encoding);
  const picked: PickedElement[] = [];
  const progress = { top: -1 };
  try {
    await walk(scan, picked, { progress, upTo });
  } catch (error) {
    const bounded = error instanceof ImagingError && error.code === 'IMAGING_HEADER_TOO_LARGE';
    const cut = error instanceof ImagingError && error.code === 'IMAGING_TRUNCATED' && !complete;
    if (!(bounded || cut) || progress.top <= lastNeededTag) throw error;
  }
  return picked;
}

async function walk(
  scan: Scan,
  picked: PickedElement[],
  { progress, upTo }: { progress: { top: number }; upTo: number },
): Promise<void> {
  const { size } = scan.source;
  const root: Frame = {
    kind: 'elements',
    end: size,
    delimited: false,
    implicit: scan.encoding.implicit,
    concept: false,
  };
  const open: Frame[] = [root];
  let conceptSeen = false;
  for (let frame = open.at(-1); frame !== undefined; frame = open.at(-1)) {
    if (scan.at === frame.end) {
      if (frame.delimited) throw frame.end === size ? scan.truncated(size + 8) : scan.damaged('delimiter missing');
      open.pop();
      continue;
    }
    const { kind, implicit, concept } = frame;
    const head = await scan.head(implicit || kind === 'items');
    const delimited = head.length === undefinedLength;
    const endOf = (): number => {
      const end = delimited ? frame.end : scan.at + head.length;
      if (end > size) throw scan.truncated(end);
      if (end > frame.end) throw scan.damaged('value longer than its item');
      if (open.length >= maxDepth) throw scan.damaged('nesting too deep');
      return end;
    };
    if (kind === 'items') {
      if (head.tag === sequenceEnd && frame.delimited) {
        open.pop();
      } else if (head.tag !== item) {
        throw scan.damaged('item expected');
      } else if (delimited || (concept && !conceptSeen)) {
        open.push({ kind: 'elements', end: endOf(), delimited, implicit, concept: concept && !conceptSeen });
        conceptSeen ||= concept;
      } else {
        scan.skip(head.length, frame.end);
      }
      continue;
    }
    if (frame === root) {
      if (head.tag <= progress.top) throw scan.damaged('order of elements');
      progress.top = head.tag;
      if (head.tag > upTo) return;
      if (head.tag > lastHeaderTag && delimited) return;
      if (head.tag >= pixelData) return scan.skip(head.length, size);
    } else if (head.tag === itemEnd && frame.delimited) {
      open.pop();
      continue;
    }
    if (head.tag >>> 16 === 0xfffe) throw scan.damaged('delimiter out of place');
    const title = frame === root && hexTag(head.tag) === conceptSequence;
    if (delimited || title) {
      // PS3.5 §6.2.2: UN of undefined length is a sequence in implicit little endian
      open.push({ kind: 'items', end: endOf(), delimited, implicit: implicit || head.vr === 'UN', concept: title });
    } else if (frame === root) {
      await pick(scan, head, frame.end, headerVrs, picked);
    } else if (concept) {
      await pick(scan, head, frame.end, conceptVrs, picked);
    } else {
      scan.skip(head.length, frame.end);
    }
  }
}
