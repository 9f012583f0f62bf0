/** `radpass-gateway source …`: the paper's Define Source, its closing, and the rotation of the source key. */

import type { NodeApi, SourceEntry } from '@radpass/client';
import {
  chooseSeq,
  createDefineSource,
  createRotateSource,
  findStamp,
  fromHex,
  type PublicKey,
  parsePublicKey,
  publicKeyHex,
  type SecretKey,
  sha256,
  type Transaction,
  toHex,
} from '@radpass/core';
import { readKeyFile, readPassphrase } from '@radpass/core/node';
import { z } from 'zod';
import type { GatewayConfig } from '../config.js';
import { GatewayError } from '../errors.js';
import { readText } from '../files.js';
import { findSource, headTime, nodesOf, openSourceKey, tlsPin } from '../gateway.js';

const finalTimeoutMs = 120_000;
/** What the ledger asks of a source's first tuple while epochs aren't full. */
const stampBits = 22;

const bindingSchema = z.strictObject({
  chainId: z.string(),
  sourceKey: z.string(),
  nodeKey: z.string(),
  seq: z.number().int().nonnegative(),
  nodeSig: z.string(),
});

export interface Posted {
  transactionId: string;
  grade: string;
  height: number | null;
  notation: 'defineSource' | 'rotateSource';
  sourceKey: string;
}

type Say = (text: string) => void;

interface Standing {
  node: NodeApi;
  key: SecretKey;
  chainId: Uint8Array;
  sourceKey: PublicKey;
  entry: SourceEntry | null;
}

async function standing(config: GatewayConfig): Promise<Standing> {
  const nodes = nodesOf(config);
  const key = await openSourceKey(config);
  const { chainId, sourceKey } = await findSource(config, nodes, key.publicKey);
  const node = nodes[0]!;
  return { node, key, chainId, sourceKey, entry: await node.source(sourceKey) };
}

/** Publish {K_H, URL_H}: the first time with a stamp, later as a replacement. */
export async function defineSource(
  config: GatewayConfig,
  p: { binding: string; nextKey?: string | undefined; pinTls: boolean },
  say: Say,
): Promise<Posted> {
  const at = await standing(config);
  const binding = readBinding(p.binding, at);
  const pin = p.pinTls ? tlsPin(config) : null;
  const nextKeyHash = p.nextKey ? nextHash(p.nextKey) : new Uint8Array();
  const stamp = at.entry ? 0 : makeStamp(at, binding.seq, say);
  const transaction = createDefineSource({
    chainId: at.chainId,
    key: at.key,
    seq: binding.seq,
    sourceKey: at.sourceKey,
    url: config.url,
    nodeKey: binding.nodeKey,
    tlsPins: pin ? [pin] : [],
    nextKeyHash,
    stamp,
    nodeSig: binding.nodeSig,
  });
  return post(at, transaction, 'defineSource');
}

function readBinding(path: string, at: Standing): { seq: number; nodeKey: PublicKey; nodeSig: Uint8Array } {
  const parsed = bindingSchema.safeParse(JSON.parse(readText(path)));
  if (!parsed.success) throw unfit(`${path} is no binding`);
  const { chainId, sourceKey, nodeKey, seq, nodeSig } = parsed.data;
  if (chainId !== toHex(at.chainId)) throw unfit('it is for another network');
  if (sourceKey !== publicKeyHex(at.sourceKey)) throw unfit('it is for another source');
  return { seq, nodeKey: parsePublicKey(nodeKey), nodeSig: fromHex(nodeSig, 64) };
}

function unfit(reason: string): GatewayError {
  return new GatewayError({ code: 'GATEWAY_BINDING_INVALID', reason }, `the binding can't be used: ${reason}`);
}

function nextHash(path: string): Uint8Array {
  const { sourceKey } = z.looseObject({ sourceKey: z.string() }).parse(JSON.parse(readText(path)));
  return sha256(parsePublicKey(sourceKey));
}

function makeStamp(at: Standing, seq: number, say: Say): number {
  say(`computing the stamp of a first registration (${stampBits} bits, a few seconds) ...`);
  const search = findStamp({ chainId: at.chainId, sourceKey: at.sourceKey, seq, bits: stampBits });
  for (let step = search.next(), told = 0; ; step = search.next()) {
    if (step.done) return step.value;
    if (step.value - told >= 1 << 20) {
      told = step.value;
      say(`  ${told} tries; ${2 ** stampBits} are needed on average`);
    }
  }
}

/** Close the source: it takes no new studies and loses its weight from the next table. The same node stays bound. */
export async function closeSource(config: GatewayConfig, p: { binding: string }): Promise<Posted> {
  const at = await standing(config);
  if (!at.entry) throw new GatewayError({ code: 'GATEWAY_SOURCE_UNKNOWN' }, 'the ledger does not name this source');
  const binding = readBinding(p.binding, at);
  const transaction = createDefineSource({
    chainId: at.chainId,
    key: at.key,
    seq: binding.seq,
    sourceKey: at.sourceKey,
    url: '',
    nodeKey: binding.nodeKey,
    nodeSig: binding.nodeSig,
  });
  return post(at, transaction, 'defineSource');
}

/** Replace the standing key by the one whose hash was published before; afterwards configure `key` to the new file. */
export async function rotateSource(
  config: GatewayConfig,
  p: { key: string; nextKey?: string | undefined },
): Promise<Posted> {
  const at = await standing(config);
  const newKey = await readKeyFile(p.key, {
    role: 'source',
    passphrase: () => readPassphrase(`passphrase for ${p.key}: `),
  });
  const bound = await at.node.seqBound({ sourceKey: at.sourceKey });
  const transaction = createRotateSource({
    chainId: at.chainId,
    key: newKey,
    seq: chooseSeq(headTime(await at.node.status()), bound - 1),
    sourceKey: at.sourceKey,
    nextKeyHash: p.nextKey ? nextHash(p.nextKey) : new Uint8Array(),
  });
  return post(at, transaction, 'rotateSource');
}

async function post(at: Standing, transaction: Transaction, notation: Posted['notation']): Promise<Posted> {
  const { id } = await at.node.submit(transaction);
  const entry = await at.node.waitFor(id, 'final', { timeoutMs: finalTimeoutMs });
  return {
    transactionId: toHex(id),
    grade: entry.grade,
    height: entry.height ?? null,
    notation,
    sourceKey: publicKeyHex(at.sourceKey),
  };
}
