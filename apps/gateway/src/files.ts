/** Reading the operator's files, with errors that name the file. */
import { readFileSync } from 'node:fs';
import { GatewayError } from './errors.js';

export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GatewayError({ code: 'GATEWAY_FILE', path, reason }, `${path} can't be read: ${reason}`, { cause });
  }
}
