/**
 * Whether our view of the ledger can be trusted in time: when the node's event stream last spoke, and whether
 * the wall clock went back. A checkpoint's age is told by the wall clock, so setting it back would make an old
 * view look fresh. The monotonic clock can't be set: while both run alike, wall - monotonic is constant.
 */
import type { AccessEvent } from '@radpass/core';

export interface Clock {
  /** Wall clock, Unix ms. */
  now(): number;
  /** Monotonic ms, any origin. */
  monotonic(): number;
}

/** What slewing and rounding may do between two checkpoints; a step is more. */
const toleranceMs = 250;

export interface ViewClock {
  onEvent(event: AccessEvent): void;
  /** As `decide` takes it; `lastEventAt` on the scale of `now`. */
  state(now: number): { lastEventAt: number; clockSteppedBack: boolean };
}

export function createViewClock(clock: Clock): ViewClock {
  let lastEvent = Number.NEGATIVE_INFINITY;
  let newestSlot = -1;
  let greatestLead = clock.now() - clock.monotonic();
  let steppedBack = false;

  function look(): void {
    const lead = clock.now() - clock.monotonic();
    if (lead < greatestLead - toleranceMs) steppedBack = true;
    greatestLead = Math.max(greatestLead, lead);
  }

  return {
    onEvent(event) {
      look();
      lastEvent = clock.monotonic();
      if (event.kind !== 'final' || event.slot <= newestSlot) return;
      // A newer checkpoint carries a time that isn't ours; from here its age is measured anew.
      newestSlot = event.slot;
      greatestLead = clock.now() - clock.monotonic();
      steppedBack = false;
    },
    state(now) {
      look();
      return { lastEventAt: now - (clock.monotonic() - lastEvent), clockSteppedBack: steppedBack };
    },
  };
}
