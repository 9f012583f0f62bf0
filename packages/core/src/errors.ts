/**
 * One error class for all packages, and the codes of this one.
 *
 * A code is API: it stays the same within a major version. What a caller needs to act lies in `detail`, typed by code.
 * Catalogue for people: docs/errors.md.
 */

/** An error with a stable `code` and typed evidence in `detail`; the message is a sentence for people. */
export class CodedError<T extends { code: string } = { code: string }> extends Error {
  readonly code: T['code'];
  readonly detail: T;

  constructor(detail: T, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = detail.code;
    this.detail = detail;
  }
}

/** What a log may say of an error: its code, never its words, which may name people, keys or addresses. */
export function codeOf(error: unknown): string {
  if (error instanceof CodedError) return error.code;
  return error instanceof Error ? error.name : 'unknown';
}

/** Whose signature a tuple carries. */
export type TupleSigner = 'source' | 'node' | 'patient' | 'payer';

/** Why a file of secrets cannot be used. */
export type KeyFileFault =
  | 'missing'
  | 'exists' // and is never overwritten
  | 'open to others' // readable by group or others
  | 'damaged' // not in the form that is written here
  | 'passphrase' // none given, or the wrong one, or the file was altered
  | 'role' // the key serves another role
  | 'not readable';

export type CoreErrorDetail =
  | { code: 'CORE_HEX'; reason: 'characters' | 'length'; expected?: number } // text is not lowercase hex of whole bytes
  | { code: 'CORE_BASE64'; reason: string } // text is not canonical base64 with padding
  | { code: 'CORE_BASE64URL'; reason: string } // text is not canonical base64url without padding
  | { code: 'CORE_ENCODE'; at: string; reason: string } // a value that the canonical form cannot carry
  | { code: 'CORE_DECODE'; at: string; expected: string; got: string } // bytes that are not the canonical form of the expected shape
  | { code: 'CORE_PUBLIC_KEY'; reason: 'length' | 'hex' | 'not reduced' | 'small order' } // bytes that cannot name anybody
  | { code: 'CORE_SECRET_KEY'; reason: 'length' } // a seed that is not 32 bytes
  | { code: 'CORE_SIGN_REFUSED'; purpose: string; reason: string } // this key must not sign that
  | { code: 'CORE_SIGN_FAULT'; purpose: string } // a fresh signature did not verify: broken hardware or memory
  | { code: 'CORE_UID'; reason: string } // text is not a DICOM UID
  | { code: 'CORE_URL'; reason: string } // text is not an https URL of the narrow grammar that sources publish
  | { code: 'CORE_TRANSACTION_TYPE'; type: number } // canonical bytes whose first element names no tuple
  | { code: 'CORE_NOT_AFTER'; seq: number; notAfter: number } // a grant that would end before it begins
  | { code: 'CORE_SIGNATURE'; type: number; signer: TupleSigner } // a tuple's signature that does not verify
  | { code: 'CORE_MNEMONIC'; reason: string } // words that are no BIP39 mnemonic, or a backup that is none
  | { code: 'CORE_CARD'; reason: 'kind' | 'form' | 'signature' } // text that is not the card that is expected
  | { code: 'CORE_OWNERSHIP'; reason: 'form' | 'network' | 'verifier' | 'nonce' | 'time' | 'signature' } // a proof that does not prove it here and now
  | { code: 'CORE_RECEIPT'; reason: 'form' | 'network' | 'signature' } // bytes that are not the receipt that is expected
  | { code: 'CORE_SEALED'; reason: 'damaged' | 'passphrase' } // a sealed secret that cannot be read
  | { code: 'CORE_KEY_FILE'; path: string; reason: KeyFileFault } // a file of secrets that cannot be used
  | { code: 'CORE_PASSPHRASE'; reason: string }; // no passphrase to be had

export class CoreError extends CodedError<CoreErrorDetail> {}
