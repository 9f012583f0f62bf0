/**
 * `radpass-node checkpoint`: the newest final block of a node that one trusts, as a file for whoever starts later. Several
 * people sign one checkpoint one after the other, each asking a node of their own whether it has the same block as final.
 */
import { NodeApi } from '@radpass/client';
import { nodeFetch } from '@radpass/client/node';
import { encodeCanonical, equalBytes, toHex } from '@radpass/core';
import { formatCheckpoint, type NamedCheckpoint, parseCheckpoint, parseHeader, signCheckpoint } from '@radpass/ledger';
import { parseVoters, votersRoot } from '@radpass/ledger/light';
import { NodeError } from '../errors.js';
import { readBytes, writeNew } from '../files.js';
import { openKey } from '../keys.js';

const attempts = 60;
const everyMs = 1_000;

export async function saveCheckpoint(p: {
  api: string;
  sameAs?: string;
  sign?: string;
  out: string;
}): Promise<{ slot: number; blockId: string; signatures: number }> {
  const api = new NodeApi({ url: p.api, fetch: nodeFetch() });
  const named = p.sameAs === undefined ? await newest(api) : await same(api, p.sameAs);
  const checkpoint = p.sign === undefined ? named : signCheckpoint(named, await openKey(p.sign, 'source'));
  writeNew(p.out, formatCheckpoint(checkpoint));
  const { slot, blockId, signatures } = checkpoint;
  return { slot, blockId: toHex(blockId), signatures: signatures.length };
}

function refuse(reason: string): NodeError {
  return new NodeError({ code: 'NODE_CHECKPOINT', reason }, `no checkpoint: ${reason}`);
}

/**
 * A trust checkpoint of the newest final block. A block that opens an era names voters who don't vote yet; nobody could
 * begin there, so the next one is waited for.
 */
async function newest(api: NodeApi): Promise<NamedCheckpoint> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const { chainId, finalSlot, finalId, finalHeight } = await api.status();
    if (finalHeight > 0) {
      const header = parseHeader((await api.block(finalId)).header);
      const voters = parseVoters(await api.committee(header.root.id));
      if (equalBytes(votersRoot(voters), header.committeeRoot)) {
        const { stateRoot, committeeRoot } = header;
        const roots = { stateRoot, committeeRoot, replaces: new Uint8Array() };
        return { chainId, kind: 'trust', slot: finalSlot, blockId: finalId, ...roots, reason: '', signatures: [] };
      }
    }
    await new Promise(resolve => setTimeout(resolve, everyMs));
  }
  throw refuse(`the node had no final block to begin at for ${(attempts * everyMs) / 1000} s`);
}

/** A checkpoint from a file, whose block the node has as final with the same roots. */
async function same(api: NodeApi, path: string): Promise<NamedCheckpoint> {
  const checkpoint = parseCheckpoint(new TextDecoder().decode(readBytes(path)));
  const { grade, header: headerBytes } = await api.block(checkpoint.blockId);
  const header = parseHeader(headerBytes);
  if (grade !== 'final') throw refuse(`the node has its block as ${grade}, not as final`);
  if (checkpoint.kind !== 'trust') throw refuse('what a recovery says of its block, one node alone can not confirm');
  const of = (values: readonly Uint8Array[]): Uint8Array => encodeCanonical([...values]);
  const said = of([checkpoint.chainId, checkpoint.stateRoot, checkpoint.committeeRoot]);
  if (
    !equalBytes(said, of([header.chainId, header.stateRoot, header.committeeRoot])) ||
    header.slot > checkpoint.slot
  ) {
    throw refuse('the node has that block with another slot or other roots');
  }
  return checkpoint;
}
