/** `prove-ownership` and `check-ownership`: the paper's "signing a message", with a verifier's name, a nonce and a time. */
import {
  checkOwnershipProof,
  createOwnershipProof,
  encodeOwnershipProof,
  fromHex,
  parseOwnershipProof,
  publicKeyHex,
  toHex,
} from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import { readBytes, readGenesis } from '../files.js';
import { openKey } from '../keys.js';

export interface Challenge {
  verifier: string;
  nonce: string;
  genesis: string;
}

export async function proveOwnership(p: Challenge & { key: string }): Promise<{ proof: string; key: string }> {
  const { chainId } = readGenesis(p.genesis);
  const key = await openKey(p.key, 'source');
  const proof = createOwnershipProof({
    chainId,
    key,
    verifierName: p.verifier,
    nonce: fromHex(p.nonce),
    time: Date.now(),
  });
  return { proof: toHex(encodeOwnershipProof(proof)), key: publicKeyHex(key.publicKey) };
}

/** @throws CodedError CORE_OWNERSHIP when the proof doesn't answer this challenge */
export function checkOwnership(p: Challenge & { file: string }): { key: string; time: number } {
  const { chainId } = readGenesis(p.genesis);
  const text = new TextDecoder().decode(readBytes(p.file)).trim();
  const proof = parseOwnershipProof(fromHex(text.startsWith('{') ? JSON.parse(text).proof : text));
  checkOwnershipProof(
    proof,
    { chainId, verifierName: p.verifier, nonce: fromHex(p.nonce), now: Date.now() },
    nodeVerifier,
  );
  return { key: publicKeyHex(proof.key), time: proof.time };
}
