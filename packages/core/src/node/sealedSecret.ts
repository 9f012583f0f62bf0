/**
 * A secret as text for a file: scrypt of a passphrase (N = 2^17, r = 8, p = 1: 128 MiB, about half a second) gives the key
 * of AES-256-GCM, which also covers everything that stands beside the secret.
 *
 *   {"format":"radpass/secret/1","kind","about","kdf":{"name":"scrypt","logN":17,"r":8,"p":1,"salt"},
 *    "cipher":{"name":"aes-256-gcm","nonce"},"sealed"}          sealed = ciphertext ‖ 16 bytes of tag; bytes are hex
 *   {"format":"radpass/secret/1","kind","about","plain"}        for trials only
 *
 * Additional data of the cipher: the canonical array [format, kind, about, salt, nonce].
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { fromHex, toHex, utf8 } from '../bytes.js';
import { encodeCanonical } from '../encoding.js';
import { CoreError } from '../errors.js';

const format = 'radpass/secret/1';
const kdf = { name: 'scrypt', logN: 17, r: 8, p: 1 } as const;
const cipherName = 'aes-256-gcm';
const saltLength = 32;
const nonceLength = 12;
const tagLength = 16;

/** What stands beside a secret, readable without the passphrase but not changeable. Printable ASCII. */
export interface SecretLabel {
  /** What the secret is, e.g. "key". */
  kind: string;
  /** Which one, e.g. role and public key. */
  about: string;
}

function refuse(reason: 'damaged' | 'passphrase', cause?: unknown): never {
  const why = {
    damaged: 'not a secret in the form that is written here',
    passphrase: 'no passphrase, or the wrong one, or the text was altered',
  };
  throw new CoreError({ code: 'CORE_SEALED', reason }, `the secret can't be read: ${why[reason]}`, { cause });
}

function cipherKey(passphrase: string, salt: Uint8Array): Promise<Buffer> {
  const N = 2 ** kdf.logN;
  const options = { N, r: kdf.r, p: kdf.p, maxmem: 2 * 128 * N * kdf.r };
  return new Promise((resolve, reject) => {
    // NFC: the same passphrase typed on another system may come in another composition of its accents.
    scrypt(utf8(passphrase.normalize('NFC')), salt, 32, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

function additionalData({ kind, about }: SecretLabel, salt: Uint8Array, nonce: Uint8Array): Uint8Array {
  return encodeCanonical([format, kind, about, salt, nonce]);
}

interface Sealed {
  salt: Uint8Array;
  nonce: Uint8Array;
  sealed: Uint8Array;
}

function sealedText({ kind, about }: SecretLabel, { salt, nonce, sealed }: Sealed): string {
  const parameters = { kdf: { ...kdf, salt: toHex(salt) }, cipher: { name: cipherName, nonce: toHex(nonce) } };
  return `${JSON.stringify({ format, kind, about, ...parameters, sealed: toHex(sealed) })}\n`;
}

/**
 * @param passphrase - null writes the secret as it is
 * @throws RangeError for an empty passphrase
 */
export async function sealSecret(label: SecretLabel, secret: Uint8Array, passphrase: string | null): Promise<string> {
  const { kind, about } = label;
  if (passphrase === null) return `${JSON.stringify({ format, kind, about, plain: toHex(secret) })}\n`;
  if (passphrase === '') throw new RangeError('an empty passphrase seals nothing');
  const salt = new Uint8Array(randomBytes(saltLength));
  const nonce = new Uint8Array(randomBytes(nonceLength));
  const cipher = createCipheriv(cipherName, await cipherKey(passphrase, salt), nonce, { authTagLength: tagLength });
  cipher.setAAD(additionalData(label, salt, nonce));
  const sealed = Buffer.concat([cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
  return sealedText(label, { salt, nonce, sealed });
}

/** The text at a path inside parsed JSON; undefined when there is none. */
function textAt(value: unknown, ...path: string[]): string | undefined {
  let at = value;
  for (const name of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = Object.entries(at).find(([key]) => key === name)?.[1];
  }
  return typeof at === 'string' ? at : undefined;
}

function parseSealed(text: string): { label: SecretLabel; content: Uint8Array | Sealed } {
  try {
    const value: unknown = JSON.parse(text);
    const [kind, about, plain] = [textAt(value, 'kind'), textAt(value, 'about'), textAt(value, 'plain')];
    if (textAt(value, 'format') !== format || kind === undefined || about === undefined) return refuse('damaged');
    const label = { kind, about };
    if (plain !== undefined) return { label, content: fromHex(plain) };
    const salt = fromHex(textAt(value, 'kdf', 'salt') ?? '', saltLength);
    const nonce = fromHex(textAt(value, 'cipher', 'nonce') ?? '', nonceLength);
    const sealed = fromHex(textAt(value, 'sealed') ?? '');
    // Any other parameter, order or spelling is refused: nobody's text makes us spend more memory or take another cipher.
    const own = sealedText(label, { salt, nonce, sealed });
    return own.trim() === text.trim() && sealed.length >= tagLength
      ? { label, content: { salt, nonce, sealed } }
      : refuse('damaged');
  } catch {
    // No cause attached: a JSON error quotes the text, which may be a secret in plain.
    return refuse('damaged');
  }
}

/**
 * @param passphrase - asked only when the text is sealed; left out: sealed texts are refused
 * @throws CoreError CORE_SEALED
 */
export async function unsealSecret(
  text: string,
  passphrase?: () => Promise<string>,
): Promise<{ label: SecretLabel; secret: Uint8Array }> {
  const { label, content } = parseSealed(text);
  if (content instanceof Uint8Array) return { label, secret: content };
  if (passphrase === undefined) return refuse('passphrase');
  const { salt, nonce, sealed } = content;
  const key = await cipherKey(await passphrase(), salt);
  const decipher = createDecipheriv(cipherName, key, nonce, { authTagLength: tagLength });
  decipher.setAAD(additionalData(label, salt, nonce));
  decipher.setAuthTag(sealed.subarray(-tagLength));
  try {
    const secret = Buffer.concat([decipher.update(sealed.subarray(0, -tagLength)), decipher.final()]);
    return { label, secret: new Uint8Array(secret) };
  } catch (cause) {
    return refuse('passphrase', cause);
  }
}
