/** A study of any size for a measurement: the phantom's one slice many times over, each with a SOP Instance UID of its own. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readInstanceHeader, writePhantomStudy } from '@radpass/imaging';

/** `files` slices of `size` × `size` pixels of two bytes. */
export async function writeStudy(folder, { size, files }) {
  const { studyInstanceUID, files: written } = await writePhantomStudy(folder, { slices: 1, size });
  const { sopInstanceUID } = await readInstanceHeader(written[0]);
  const first = readFileSync(written[0]);
  rmSync(written[0]);
  const places = [];
  for (let at = first.indexOf(sopInstanceUID); at >= 0; at = first.indexOf(sopInstanceUID, at + 1)) places.push(at);
  for (let number = 0; number < files; number++) {
    const digits = String(number).padStart(4, '0');
    for (const at of places) first.write(digits, at + sopInstanceUID.length - digits.length, 'latin1');
    writeFileSync(join(folder, `${digits}.dcm`), first);
  }
  return { name: basename(folder), studyInstanceUID, bytes: first.length * files };
}
