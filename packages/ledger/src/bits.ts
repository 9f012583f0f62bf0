/** Whether bit i of a bitmap is set: byte ⌊i/8⌋, mask 1 << (i mod 8). */
export function hasBit(bitmap: Uint8Array, i: number): boolean {
  return ((bitmap[i >> 3] ?? 0) & (1 << (i & 7))) !== 0;
}
