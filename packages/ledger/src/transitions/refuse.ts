/** How a rule says no: always an error with its code, never a return value. */
import { LedgerError, type TransactionErrorDetail } from '../errors.js';

/** @throws LedgerError with this detail */
export function refuse(detail: TransactionErrorDetail, message: string): never {
  throw new LedgerError(detail, message);
}
