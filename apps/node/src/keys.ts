/** Opening key files for the node's commands: the passphrase comes from a file or a prompt, never from a flag. */
import type { SecretKey } from '@radpass/core';
import { readKeyFile, readPassphrase, writeKeyFile } from '@radpass/core/node';

export type KeyRole = 'source' | 'node';

export function openKey(path: string, role: KeyRole): Promise<SecretKey> {
  return readKeyFile(path, { role, passphrase: () => readPassphrase(`passphrase for ${path}: `) });
}

export async function saveKey(path: string, key: SecretKey, p: { insecurePlain: boolean }): Promise<void> {
  if (p.insecurePlain) await writeKeyFile(path, key, { insecurePlain: true });
  else await writeKeyFile(path, key, { passphrase: await readPassphrase(`new passphrase for ${path}: `) });
}
