/**
 * The order number of a tuple. Greatest wins among entries on the same matter, so it must grow, and blocks hold it to
 * the clock; minutes, so that it tells no more about a person's day than needed.
 */
const minuteMs = 60_000;

/**
 * The seq (or time) to sign with: the clock rounded down to the minute, or one more than the greatest seq that already
 * stands (the entry's own and the floor's), if that is greater.
 * @param clockMs - the head's slot time where a node is reachable, else the signer's clock
 */
export function chooseSeq(clockMs: number, ...standing: number[]): number {
  return Math.max(Math.floor(clockMs / minuteMs) * minuteMs, ...standing.map(seq => seq + 1));
}
