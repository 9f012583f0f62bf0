/** @radpass/core: the public list, grouped by task. Runs in browsers and in Node; no I/O. */

// Bytes and text
export {
  compareBytes,
  concatBytes,
  equalBytes,
  fromBase64,
  fromBase64Url,
  fromHex,
  type RandomBytes,
  randomBytes,
  sha256,
  toBase64,
  toBase64Url,
  toHex,
  u64be,
  utf8,
} from './bytes.js';
// Keys and signatures
export { domainPrefix, type Purpose, purposes, signingPreimage } from './domain.js';

// Canonical bytes
export { type Canonical, decodeCanonical, encodeAs, encodeCanonical, scanCanonical } from './encoding.js';
// Errors
export { CodedError, CoreError, type CoreErrorDetail } from './errors.js';
export { fingerprintWords, type KeyRole, type PublicKey, parsePublicKey, publicKeyHex, SecretKey } from './keys.js';
export {
  ascii,
  bytes,
  bytesUpTo,
  constant,
  list,
  map,
  publicKey,
  raw,
  type Schema,
  tuple,
  uint,
} from './schema.js';
export { nobleVerifier, sign, signSignedInfo, type Verifier, verify } from './signature.js';
