/** How many blocks of a sync are judged and synced together: what they change is in memory until then, many times their size. */

/** Full ones take seconds, and other work waits for them. */
const maxBlocks = 16;
const maxBytes = 256 * 1024;

/** The first blocks of a row that are taken together; one at least, however long. */
export function firstTogether(blocks: readonly Uint8Array[]): readonly Uint8Array[] {
  let bytes = 0;
  const end = blocks.findIndex((block, i) => {
    bytes += block.length;
    return i > 0 && (i === maxBlocks || bytes > maxBytes);
  });
  return end < 0 ? blocks : blocks.slice(0, end);
}
