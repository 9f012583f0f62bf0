/**
 * The paper's Hash(UID): what stands on the chain for a study.
 *
 *   studyHash = SHA-256("radpass/study/1" ‖ 0x00 ‖ sourceKey ‖ one byte salt length, 0 or 32 ‖ salt ‖ UID)
 *   salt      = HMAC-SHA-256(the source's salt key, UID)
 *
 * UIDs of scanners are guessable (a prefix, a date, a counter), so a plain hash of one can be found by trying. The salt
 * never stands on the chain; salt length 0 is the paper's plain form, for networks whose genesis allows it.
 * See docs/protocol.md, Study hash.
 */
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { sha256, utf8 } from './bytes.js';
import { domainPrefix } from './domain.js';
import { CoreError } from './errors.js';
import type { PublicKey } from './keys.js';

export const saltBytes = 32;
const prefix = domainPrefix('study');

function refuse(reason: string): never {
  throw new CoreError({ code: 'CORE_UID', reason }, `not a DICOM UID: ${reason}`);
}

/**
 * A Study Instance UID without its padding (trailing NUL or space, DICOM PS3.5 section 6.2).
 *
 * Grammar of PS3.5 section 9.1: at most 64 characters; at least two numbers joined by full stops, none with a leading
 * zero.
 * @throws CoreError CORE_UID
 */
export function parseStudyInstanceUid(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === '\0' || text[end - 1] === ' ')) end--;
  const uid = text.slice(0, end);
  if (uid.length > 64) refuse(`${uid.length} characters, at most 64 are allowed`);
  if (!/^(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+$/.test(uid)) refuse('numbers joined by full stops are expected');
  return uid;
}

/**
 * The salt (32 bytes) of a study: the same for ever, so that a source can rebuild its hashes from its archive.
 * @param saltKey - the source's secret salt key, 32 bytes
 * @throws CoreError CORE_UID; RangeError for another length of key
 */
export function studySalt(saltKey: Uint8Array, studyInstanceUid: string): Uint8Array {
  if (saltKey.length !== 32) throw new RangeError(`expected a salt key of 32 bytes, got ${saltKey.length}`);
  return hmac(nobleSha256, saltKey, utf8(parseStudyInstanceUid(studyInstanceUid)));
}

/**
 * The study hash, 32 bytes.
 * @param p.salt - 32 bytes, or none for the plain form
 * @throws CoreError CORE_UID; RangeError for another length of salt
 */
export function hashStudy(p: { sourceKey: PublicKey; salt: Uint8Array; studyInstanceUid: string }): Uint8Array {
  if (p.salt.length !== 0 && p.salt.length !== saltBytes) {
    throw new RangeError(`expected a salt of 0 or ${saltBytes} bytes, got ${p.salt.length}`);
  }
  const uid = utf8(parseStudyInstanceUid(p.studyInstanceUid));
  return sha256(prefix, p.sourceKey, Uint8Array.of(p.salt.length), p.salt, uid);
}
