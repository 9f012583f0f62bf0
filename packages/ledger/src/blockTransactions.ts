/** The transactions of a block: several parts of a node ask for them, and each is parsed once as long as the block is held. */
import { parseTransaction, type Transaction, toHex } from '@radpass/core';
import type { Block } from './block.js';

const parsed = new WeakMap<Block, Transaction[]>();

/** @throws CoreError as parseTransaction */
export function transactionAt(block: Block, index: number): Transaction {
  const known = parsed.get(block) ?? [];
  if (known.length === 0) parsed.set(block, known);
  known[index] ??= parseTransaction(block.body.transactions[index]!);
  return known[index];
}

/** All of them, in order. @throws CoreError as parseTransaction, for the first that is none */
export function transactionsOf(block: Block): Transaction[] {
  return block.body.transactions.map((_, index) => transactionAt(block, index));
}

/** Their ids, in hex. @throws CoreError as parseTransaction */
export function transactionIdsOf(block: Block): string[] {
  return transactionsOf(block).map(({ id }) => toHex(id));
}
