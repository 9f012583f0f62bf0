/**
 * Questions by prefix: short, so that a node doesn't learn which study or key is asked about, and longer only as far as
 * the node has too many answers. Names that begin alike are cheap to make; the whole name isn't shared with anybody.
 */
import { ClientError } from './errors.js';

const firstDigits = 8;

/** Ask with the first digits of `name` (hex), twice as many each time that the node finds too many answers. */
export async function askNarrowing<T>(name: string, ask: (prefix: string) => Promise<T>): Promise<T> {
  for (let digits = firstDigits; ; digits *= 2) {
    try {
      return await ask(name.slice(0, digits));
    } catch (error) {
      if (digits >= name.length || !isTooShort(error)) throw error;
    }
  }
}

function isTooShort(error: unknown): boolean {
  return (
    error instanceof ClientError &&
    error.detail.code === 'CLIENT_REFUSED' &&
    error.detail.remote.code === 'LEDGER_PREFIX_TOO_SHORT'
  );
}
