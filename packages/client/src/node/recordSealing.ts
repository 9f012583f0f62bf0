/**
 * A wallet's or inbox's record in a file: sealed with a passphrase (scrypt and AES-256-GCM, see @radpass/core/node), or
 * plain for trials. Saved so that a crash leaves the old record or the new one.
 */
import { readPassphrase, sealSecret, unsealSecret } from '@radpass/core/node';
import type { RecordStore } from '../walletRecord.js';
import { withFileLock } from './fileLock.js';
import { loadRecord, saveRecord } from './recordFile.js';

/** @param p.plain - no passphrase: `--insecure-plain-key` */
export function recordFile(path: string, p: { kind: 'wallet' | 'inbox'; plain: boolean }): RecordStore {
  const label = { kind: p.kind, about: 'record' };
  let passphrase: Promise<string> | undefined;
  const ask = (): Promise<string> => {
    passphrase ??= readPassphrase(`passphrase for ${path}: `);
    return passphrase;
  };
  return {
    async load() {
      const text = await loadRecord(path);
      return text && (await unsealSecret(new TextDecoder().decode(text), ask)).secret;
    },
    async save(bytes) {
      await saveRecord(path, new TextEncoder().encode(await sealSecret(label, bytes, p.plain ? null : await ask())));
    },
    exclusive: work => withFileLock(path, work),
  };
}
