/** A key of demo.json, read as another program would: PKCS #8 in PEM. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fromBase64Url, publicKeyHex, SecretKey } from '@radpass/core';

/** @throws Error when the two files and the public key don't belong together */
export function readPemKey(p: { publicKey: string; pkcs8File: string; spkiFile: string }): SecretKey {
  const privateKey = createPrivateKey(readFileSync(p.pkcs8File));
  const publicKey = createPublicKey(readFileSync(p.spkiFile));
  const { d = '', x = '' } = privateKey.export({ format: 'jwk' });
  const key = SecretKey.fromSeed(fromBase64Url(d), 'requester');
  if (publicKeyHex(key.publicKey) !== p.publicKey || publicKey.export({ format: 'jwk' }).x !== x) {
    throw new Error(`${p.pkcs8File} and ${p.spkiFile} are not the key ${p.publicKey}`);
  }
  return key;
}
