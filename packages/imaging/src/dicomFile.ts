/**
 * The only file that knows dcmjs: text of a few picked elements, decoded by their VR and character set.
 *
 * dcmjs reads whole files into memory and follows whatever lengths they state, so it never gets a file: it gets a small
 * explicit little endian data set that elementScan.ts put together. dcmjs 0.52 knows one character set a file; of
 * several (PS3.5 §6.1.2.5, code extensions) it is told the last, in which the plain ASCII parts read the same.
 */
import { createRequire } from 'node:module';
import { encodeElements } from './dicomWriter.js';
import type { PickedElement } from './elementScan.js';

interface DcmjsElement {
  vr: string;
  Value: unknown[];
  _rawValue: unknown;
}
interface DcmjsLog {
  setLevel(level: 'silent', persist: false): void;
  getLoggers(): Record<string, DcmjsLog>;
}
interface Dcmjs {
  log: DcmjsLog;
  data: {
    DicomMessage: {
      readFile(part10: ArrayBuffer, options: { ignoreErrors: boolean }): { dict: Record<string, DcmjsElement> };
    };
  };
}

// its ES module build has no "type" beside it, so that older Node versions take it for CommonJS
const dcmjs: Dcmjs = createRequire(import.meta.url)('dcmjs');
dcmjs.log.setLevel('silent', false);
for (const log of Object.values(dcmjs.log.getLoggers())) log.setLevel('silent', false);

const explicitLittleEndian = '1.2.840.10008.1.2.1';
const escapeByte = String.fromCharCode(0x1b);
const codeExtension = new RegExp(`${escapeByte}(?:\\$[()]?|[()]).`, 'g');
const control = /\p{Cc}/gu;

function toText(element: DcmjsElement): string {
  const raw = element._rawValue ?? element.Value;
  const values = Array.isArray(raw) ? raw : [raw];
  return values
    .filter(value => typeof value === 'string' || typeof value === 'number')
    .map(value => String(value).replace(codeExtension, '').replace(control, '').trim())
    .join('\\');
}

/**
 * Values of the picked elements as text, by tag (eight hex digits): padding and control characters taken off, several
 * values joined by a backslash as DICOM does.
 */
export function decodeElements(picked: readonly PickedElement[]): Map<string, string> {
  const text = new Map<string, string>();
  const elements = [...picked].sort((a, b) => (a.tag < b.tag ? -1 : 1));
  const declared = elements.find(element => element.tag === '00080005');
  const charset =
    declared?.value
      .toString('latin1')
      .split('\\')
      .at(-1)
      ?.replace(/[\0 ]+$/, '') ?? '';
  const prepared = elements.map(element =>
    element === declared ? { ...element, value: Buffer.from(charset, 'latin1') } : element,
  );
  const meta = encodeElements([{ tag: '00020010', vr: 'UI', value: explicitLittleEndian }]);
  const length = encodeElements([{ tag: '00020000', vr: 'UL', value: meta.length }]);
  const dataSet = encodeElements(prepared.filter(element => !element.tag.startsWith('0002')));
  const part10 = Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), length, meta, dataSet]);
  const { dict } = dcmjs.data.DicomMessage.readFile(
    part10.buffer.slice(part10.byteOffset, part10.byteOffset + part10.length),
    { ignoreErrors: true },
  );
  for (const [tag, element] of Object.entries(dict)) text.set(tag, toText(element));
  for (const { tag, value } of elements) {
    if (tag.startsWith('0002')) text.set(tag, value.toString('latin1').replace(/[\0 ]+$/, ''));
  }
  if (declared !== undefined) text.set(declared.tag, declared.value.toString('latin1').replace(/[\0 ]+$/, ''));
  return text;
}
