/**
 * Which of two statements of a patient about one requester counts: the greatest by seq, then revocation
 * over grant, then smaller contentId. A total order, so a set of statements leads to one entry in whatever order it came.
 */
import { compareBytes } from '@radpass/core';
import type { ConsentEntry, FloorEntry } from './tables.js';

/** Whether `next` replaces `standing`. */
export function consentBeats(next: ConsentEntry, standing: ConsentEntry | undefined): boolean {
  if (!standing) return true;
  if (next.seq !== standing.seq) return next.seq > standing.seq;
  if (next.type !== standing.type) return next.type > standing.type;
  return compareBytes(next.contentId, standing.contentId) < 0;
}

/** The same for revocations of everyone. */
export function floorBeats(next: FloorEntry, standing: FloorEntry | undefined): boolean {
  if (!standing) return true;
  if (next.seq !== standing.seq) return next.seq > standing.seq;
  return compareBytes(next.contentId, standing.contentId) < 0;
}
