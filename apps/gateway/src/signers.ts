/**
 * Whose signatures the desk takes when it verifies the disclosure records: the source's first key, the standing one, and
 * each that stood between them, which the directory doesn't list. A gateway notes its key whenever it starts.
 */
import { type PublicKey, parsePublicKey, publicKeyHex } from '@radpass/core';
import type { Records } from './records.js';

/** Note these keys. @returns them and all that were noted before */
export async function noteSigners(records: Records, keys: readonly PublicKey[]): Promise<PublicKey[]> {
  await records.write(
    keys.map(publicKeyHex).map(publicKey => ({ table: 'signers', key: publicKey, value: { publicKey } })),
  );
  return (await records.all('signers')).map(({ publicKey }) => parsePublicKey(publicKey));
}
