/**
 * Signatures of a block that native code refuses, judged together at its end: one by one, a full block
 * of signatures crafted to be slow would take seconds. Same verdict as one by one, and the same first fault.
 *
 * Native code is asked first, until it has refused so many that the block was made to be slow: then asking is time lost too.
 */
import { findInvalidSignature, nobleVerifier, type SignedBytes, type Verifier } from '@radpass/core';
import type { LedgerError } from './errors.js';

/** Refusals of native code after which it is asked no more. */
const maxRefusals = 64;

export class LaterChecks {
  readonly #open: { readonly check: SignedBytes; readonly fault: () => LedgerError }[] = [];
  readonly #native: Verifier;

  constructor(verifier: Verifier) {
    this.#native = verifier;
  }

  /** A verifier whose yes is native, or stands under the condition that `settle` finds nothing. */
  verifier(fault: () => LedgerError): Verifier {
    const native = this.#native;
    const verify = (signature: Uint8Array, preimage: Uint8Array, key: Uint8Array): boolean => {
      const isSlow = this.#open.length >= maxRefusals;
      if (isSlow || !native.verifyStrict(signature, preimage, key)) {
        this.#open.push({ check: { signature, preimage, key }, fault });
      }
      return true;
    };
    return { ...native, verify };
  }

  /** @throws LedgerError the fault of the first signature that does not verify */
  settle(): void {
    const checks = this.#open.map(({ check }) => check);
    const at = findInvalidSignature(nobleVerifier, checks);
    if (at !== undefined) throw this.#open[at]!.fault();
  }
}
