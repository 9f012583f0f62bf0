/** `radpass-node key new` and `bind`: the two keys of a source, and the node key's word that it serves that source. */
import { join } from 'node:path';
import { bindNode, parsePublicKey, parseUrl, publicKeyHex, SecretKey, toHex } from '@radpass/core';
import { createSigningRecord } from '@radpass/ledger/level';
import { makeFolder, readGenesis, writeNew } from '../files.js';
import { createFounderFile, type FounderFile } from '../founder.js';
import { openKey, saveKey } from '../keys.js';

export const recordPathOf = (keyPath: string): string => `${keyPath}.record`;

/** Make source.key, node.key with its signing record, and source.pub.json in `out`. */
export async function newKeys(p: { out: string; url: string; insecurePlainKey: boolean }): Promise<FounderFile> {
  parseUrl(p.url);
  makeFolder(p.out);
  const sourceKey = SecretKey.generate();
  const nodeKey = SecretKey.generate();
  const nodePath = join(p.out, 'node.key');
  await saveKey(join(p.out, 'source.key'), sourceKey, { insecurePlain: p.insecurePlainKey });
  await saveKey(nodePath, nodeKey, { insecurePlain: p.insecurePlainKey });
  await createSigningRecord(recordPathOf(nodePath), nodeKey.publicKey);
  const founder = createFounderFile({ sourceKey, nodeKey, url: p.url, now: Date.now() });
  writeNew(join(p.out, 'source.pub.json'), `${JSON.stringify(founder, null, 2)}\n`);
  return founder;
}

/** Bind a node key to a source for one seq: {sourceKey, nodeKey, seq, nodeSig}, for the gateway's `source define`. */
export async function bind(p: { key: string; source: string; genesis: string; out: string }): Promise<object> {
  const genesis = readGenesis(p.genesis);
  const nodeKey = await openKey(p.key, 'node');
  const sourceKey = parsePublicKey(p.source);
  const seq = Math.floor(Date.now() / 60_000) * 60_000;
  const binding = {
    chainId: toHex(genesis.chainId),
    sourceKey: publicKeyHex(sourceKey),
    nodeKey: publicKeyHex(nodeKey.publicKey),
    seq,
    nodeSig: toHex(bindNode({ chainId: genesis.chainId, nodeKey, sourceKey, seq })),
  };
  writeNew(p.out, `${JSON.stringify(binding, null, 2)}\n`);
  return binding;
}
