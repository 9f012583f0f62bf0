/** Schemas of fields that several tuples and cards carry. */
import type { PublicKey } from './keys.js';
import { parsePublicKey } from './keys.js';
import { ascii, bytes, map, type Schema, uint } from './schema.js';
import { maxUrlLength, parseUrl } from './url.js';

/** Unix milliseconds or another order number of a tuple; below 2^53. */
export const seqField: Schema<number> = uint();
/** 32 bytes: studyHash, chainId, contentId, token, nonce. */
export const hashField: Schema<Uint8Array> = bytes(32);
/** 32 bytes, or none for "no such thing". */
export const optionalHashField: Schema<Uint8Array> = bytes([0, 32]);
export const signatureField: Schema<Uint8Array> = bytes(64);
/** A source's URL or the empty text. */
export const urlField: Schema<string> = map(ascii(maxUrlLength), parseUrl, url => url);
/** A key, or no bytes for null. */
export const optionalKeyField: Schema<PublicKey | null> = map(
  optionalHashField,
  (key): PublicKey | null => (key.length === 0 ? null : parsePublicKey(key)),
  key => key ?? new Uint8Array(0),
);
