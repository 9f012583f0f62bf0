import { describe, expect, it } from '@jest/globals';
import { createViewClock } from '../dist/viewClock.js';

function clocks() {
  const at = { wall: 1_800_000_000_000, mono: 5_000 };
  const pass = (ms: number) => {
    at.wall += ms;
    at.mono += ms;
  };
  return { at, pass, view: createViewClock({ now: () => at.wall, monotonic: () => at.mono }) };
}
const final = (slot: number) => ({ cursor: slot, kind: 'final' as const, slot, timeMs: 0 });

describe('createViewClock', () => {
  it('knows no event before the first', () => {
    const { at, view } = clocks();
    expect(view.state(at.wall).lastEventAt).toBe(Number.NEGATIVE_INFINITY);
  });

  it('tells the last event on the monotonic clock, whatever the wall clock does', () => {
    const { at, pass, view } = clocks();
    view.onEvent({ cursor: 1, kind: 'heartbeat' });
    pass(3_000);
    at.wall += 40_000;
    expect(view.state(at.wall).lastEventAt).toBe(at.wall - 3_000);
  });

  it('sees the wall clock step back, and forgets it only at a newer checkpoint', () => {
    const { at, pass, view } = clocks();
    view.onEvent(final(7));
    pass(1_000);
    expect(view.state(at.wall).clockSteppedBack).toBe(false);
    at.wall -= 1_000;
    expect(view.state(at.wall).clockSteppedBack).toBe(true);
    at.wall += 1_000;
    view.onEvent({ cursor: 8, kind: 'heartbeat' });
    view.onEvent(final(7));
    expect(view.state(at.wall).clockSteppedBack).toBe(true);
    view.onEvent(final(8));
    expect(view.state(at.wall).clockSteppedBack).toBe(false);
  });

  it('sees a forward step that is taken back', () => {
    const { at, view } = clocks();
    view.onEvent(final(1));
    at.wall += 30_000;
    expect(view.state(at.wall).clockSteppedBack).toBe(false);
    at.wall -= 30_000;
    expect(view.state(at.wall).clockSteppedBack).toBe(true);
  });

  it('takes slewing for no step', () => {
    const { at, pass, view } = clocks();
    view.onEvent(final(1));
    for (let i = 0; i < 60; i++) {
      pass(1_000);
      at.wall -= 1;
    }
    expect(view.state(at.wall).clockSteppedBack).toBe(false);
  });
});
