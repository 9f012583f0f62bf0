/** `radpass-node checkpoint`: the newest final block of a node that one trusts, as a file. */

import { NodeApi } from '@radpass/client';
import { nodeFetch } from '@radpass/client/node';
import { toHex } from '@radpass/core';
import { writeNew } from '../files.js';

export async function saveCheckpoint(p: {
  api: string;
  out: string;
}): Promise<{ slot: number; blockId: string; stateRoot: string; chainId: string }> {
  const status = await new NodeApi({ url: p.api, fetch: nodeFetch() }).status();
  const checkpoint = {
    chainId: toHex(status.chainId),
    slot: status.finalSlot,
    blockId: toHex(status.finalId),
    stateRoot: toHex(status.stateRoot),
  };
  writeNew(p.out, `${JSON.stringify(checkpoint, null, 2)}\n`);
  return checkpoint;
}
