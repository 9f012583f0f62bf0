/**
 * Signatures of a block, judged together at its end: one by one, a full block of signatures crafted to be slow would take
 * seconds, and many at once may be judged on several cores. Same verdict as one by one, and the same first fault.
 */
import { findInvalidSignature, type SignedBytes, type Verifier } from '@radpass/core';
import type { LedgerError } from './errors.js';

export class LaterChecks {
  readonly #open: { readonly check: SignedBytes; readonly fault: () => LedgerError }[] = [];
  readonly #verifier: Verifier;

  constructor(verifier: Verifier) {
    this.#verifier = verifier;
  }

  /** A verifier whose yes stands under the condition that `settle` finds nothing. */
  verifier(fault: () => LedgerError): Verifier {
    const verify = (signature: Uint8Array, preimage: Uint8Array, key: Uint8Array): boolean => {
      this.#open.push({ check: { signature, preimage, key }, fault });
      return true;
    };
    return { ...this.#verifier, verify };
  }

  /** @throws LedgerError the fault of the first signature that does not verify */
  settle(): void {
    const checks = this.#open.map(({ check }) => check);
    const at = findInvalidSignature(this.#verifier, checks);
    if (at !== undefined) throw this.#open[at]!.fault();
  }
}
