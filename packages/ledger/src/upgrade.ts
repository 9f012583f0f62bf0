/** Whether the network has gone on to rules that this release doesn't know; see consensus/rulesVersions.ts. */
import { equalBytes, type Verifier, verify } from '@radpass/core';
import { blockId, parseFrame } from './block.js';
import type { StakeEntry } from './consensus/leader.js';
import { LedgerError } from './errors.js';

/** Noted by the engine, asked by all that serves. */
export class Upgrade {
  /** The unknown version that the network's blocks carry. */
  rulesVersion: number | null = null;

  /** @throws LedgerError LEDGER_UPGRADE */
  check(): void {
    const { rulesVersion } = this;
    if (rulesVersion === null) return;
    const message = `upgrade: the network goes by rules version ${rulesVersion}, which this release does not know`;
    throw new LedgerError({ code: 'LEDGER_UPGRADE', rulesVersion }, message);
  }
}

/**
 * Look at a block of unknown rules. It says something about the network only if the slot's leader made it, on a block that
 * stands here. Native refusals count: an honest producer makes no signature that only the slow rule accepts.
 * @param received - bytes that parseBlock refused for their version alone
 * @returns the version that the network goes by; or why these bytes don't tell
 */
export function judgeUnknown(
  received: Uint8Array,
  p: {
    chainId: Uint8Array;
    clockSlot: number;
    verifier: Verifier;
    parentOf: (id: Uint8Array) => { readonly id: Uint8Array; readonly slot: number } | undefined;
    leaderOf: (slot: number, parentId: Uint8Array) => StakeEntry;
  },
): number | 'refuse' | 'early' | 'no parent' {
  const { header, headerBytes, signature } = parseFrame(received);
  const parent = p.parentOf(header.parent);
  if (!equalBytes(header.chainId, p.chainId) || (parent && header.slot <= parent.slot)) return 'refuse';
  if (header.slot > p.clockSlot) return 'early';
  if (!parent) return 'no parent';
  const { nodeKey } = p.leaderOf(header.slot, parent.id);
  const strict: Verifier = { ...p.verifier, verify: (s, m, k) => p.verifier.verifyStrict(s, m, k) };
  const isLeaders = verify(strict, signature, 'block', p.chainId, blockId(headerBytes), nodeKey);
  return isLeaders ? header.rulesVersion : 'refuse';
}
