/**
 * source.pub.json: what a source hands to whoever writes the genesis: its two public keys, its URL, and a proof of
 * each key. The network isn't named yet, so both proofs stand under chainId = 32 zero bytes, which no network has.
 */
import {
  bindNode,
  checkOwnershipProof,
  createOwnershipProof,
  encodeCanonical,
  encodeOwnershipProof,
  fromHex,
  parseOwnershipProof,
  parsePublicKey,
  parseUrl,
  publicKeyHex,
  type SecretKey,
  sha256,
  signingPreimage,
  toHex,
  utf8,
} from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import { z } from 'zod';
import { NodeError } from './errors.js';
import { readJson } from './files.js';

const noChain = new Uint8Array(32);
const verifierName = 'radpass genesis';
const maxAgeMs = 365 * 24 * 3_600_000;

const founderFile = z.strictObject({
  sourceKey: z.string(),
  nodeKey: z.string(),
  url: z.string(),
  proofs: z.strictObject({ node: z.string(), source: z.string() }),
});
export type FounderFile = z.output<typeof founderFile>;

export function createFounderFile(p: {
  sourceKey: SecretKey;
  nodeKey: SecretKey;
  url: string;
  now: number;
}): FounderFile {
  const url = parseUrl(p.url);
  const nodePublic = p.nodeKey.publicKey;
  const proof = createOwnershipProof({
    chainId: noChain,
    key: p.sourceKey,
    verifierName,
    nonce: nonceOf(nodePublic, url),
    time: p.now,
  });
  return {
    sourceKey: publicKeyHex(p.sourceKey.publicKey),
    nodeKey: publicKeyHex(nodePublic),
    url,
    proofs: {
      node: toHex(bindNode({ chainId: noChain, nodeKey: p.nodeKey, sourceKey: p.sourceKey.publicKey, seq: 0 })),
      source: toHex(encodeOwnershipProof(proof)),
    },
  };
}

/** The source vouches for exactly this node key and URL. */
function nonceOf(nodeKey: Uint8Array, url: string): Uint8Array {
  return sha256(nodeKey, utf8(url));
}

/** Read a founder's file and check both proofs. @throws NodeError NODE_FOUNDER_PROOF */
export function readFounder(
  path: string,
  now: number,
): { sourceKey: ReturnType<typeof parsePublicKey>; nodeKey: ReturnType<typeof parsePublicKey>; url: string } {
  const parsed = founderFile.safeParse(readJson(path));
  if (!parsed.success) {
    throw new NodeError(
      { code: 'NODE_FILE_UNREADABLE', path, reason: 'not a source.pub.json' },
      `${path} is no source.pub.json`,
    );
  }
  const file = parsed.data;
  const sourceKey = parsePublicKey(file.sourceKey);
  const nodeKey = parsePublicKey(file.nodeKey);
  const url = parseUrl(file.url);
  const bound = signingPreimage('node', noChain, encodeCanonical([sourceKey, 0]));
  if (!nodeVerifier.verify(fromHex(file.proofs.node, 64), bound, nodeKey)) throw unproven(path, 'node key');
  const proof = parseOwnershipProof(fromHex(file.proofs.source));
  if (publicKeyHex(proof.key) !== file.sourceKey) throw unproven(path, 'source key');
  const expected = { chainId: noChain, verifierName, nonce: nonceOf(nodeKey, url), now, maxAgeMs };
  checkOwnershipProof(proof, expected, nodeVerifier);
  return { sourceKey, nodeKey, url };
}

function unproven(path: string, which: string): NodeError {
  return new NodeError({ code: 'NODE_FOUNDER_PROOF', path, which }, `${path} doesn't prove its ${which}`);
}
