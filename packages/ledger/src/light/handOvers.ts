/**
 * How eras ended, kept for ever: for the root of each ended era the header of the block that opened the next, the
 * certificate that made it final, and the next voters. Light clients are led over eras by these alone.
 *
 * They are taken from the final blocks: the first that names another root carries the certificate. An era that ended by a
 * recovery has none: people vouch for what came next, and a light client goes on from their checkpoint (client.ts, `recover`).
 */
import { equalBytes } from '@radpass/core';
import { parseFrame } from '../block.js';
import type { TreeNode } from '../blockTree.js';
import { finalizes } from '../consensus/finality.js';
import type { StakeEntry } from '../consensus/leader.js';
import type { Genesis } from '../genesis.js';
import { readKeptBlock } from '../keptBlocks.js';
import type { StoreWrite } from '../store.js';
import { storeKeys } from '../storeKeys.js';
import { trimCertificate } from './certificate.js';
import { encodeHandOver } from './update.js';

/**
 * What to keep of newly final blocks.
 * @param p.final - ascending
 * @param p.rootId - that the final chain recorded before them
 * @param p.votersOf - of an era, by its root
 */
export function handOverWrites(p: {
  readonly genesis: Genesis;
  readonly final: readonly TreeNode[];
  readonly rootId: Uint8Array;
  readonly get: (key: string) => Uint8Array | undefined;
  readonly votersOf: (rootId: Uint8Array) => { readonly slot: number; readonly voters: readonly StakeEntry[] } | null;
}): StoreWrite[] {
  const { params, chainId, genesisTimeMs } = p.genesis;
  const writes: StoreWrite[] = [];
  let { rootId } = p;
  for (const { id, header } of p.final) {
    if (!header || equalBytes(header.root.id, rootId)) continue;
    const ended = rootId;
    rootId = header.root.id;
    // Kept for ever: a block that is read again later may have lost its votes' signatures.
    if (p.get(storeKeys.handOver(ended))) continue;
    const [carrier, opened] = [readKeptBlock(p.get, id), p.get(storeKeys.block(rootId))];
    const [before, next] = [p.votersOf(ended), p.votersOf(rootId)];
    if (!carrier || !opened || !before || !next) continue;
    const certificate = carrier.body.certificates.find(
      ({ message, signatures }) =>
        finalizes(message) && equalBytes(message.sourceId, header.root.id) && signatures.length > 0,
    );
    if (!certificate) continue;
    const era = { root: { slot: before.slot, id: ended }, voters: before.voters };
    const trimmed = trimCertificate(certificate, era, { ...params, chainId, genesisTimeMs });
    const voters = next.voters.map(({ nodeKey, weight }) => ({ nodeKey, weight }));
    const { headerBytes } = parseFrame(opened);
    writes.push([storeKeys.handOver(ended), encodeHandOver({ header: headerBytes, certificate: trimmed, voters })]);
  }
  return writes;
}
