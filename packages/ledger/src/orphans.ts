/** Blocks whose parent is not known yet, few and the newest. They are judged when the parent comes. */
import { toHex } from '@radpass/core';
import type { Block } from './block.js';

const maxOrphans = 64;
const maxOrphanBytes = 8 * 1024 * 1024;

export class Orphans {
  readonly #blocks = new Map<string, Block>();
  #bytes = 0;

  add(block: Block): void {
    const id = toHex(block.id);
    if (this.#blocks.has(id)) return;
    this.#blocks.set(id, block);
    this.#bytes += block.bytes.length;
    for (const [oldest, { bytes }] of this.#blocks) {
      if (this.#blocks.size <= maxOrphans && this.#bytes <= maxOrphanBytes) return;
      this.#blocks.delete(oldest);
      this.#bytes -= bytes.length;
    }
  }

  /** Take out the children of a block; their bytes. */
  take(parentId: Uint8Array): Uint8Array[] {
    const parent = toHex(parentId);
    const children = [...this.#blocks].filter(([, block]) => toHex(block.header.parent) === parent);
    for (const [id, { bytes }] of children) {
      this.#blocks.delete(id);
      this.#bytes -= bytes.length;
    }
    return children.map(([, block]) => block.bytes);
  }
}
