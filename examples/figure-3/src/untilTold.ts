/** When to end: at a signal, or when npm was told to. */
import { untilSignal } from '@radpass/client/node';

const pollMs = 300;

/**
 * Resolves on SIGINT or SIGTERM. `npm run` passes a signal on to the shell between it and us, which dies and tells
 * nobody: then our parent is another, and that is a signal, too.
 */
export function untilTold(): Promise<void> {
  if (process.env.npm_lifecycle_event === undefined) return untilSignal();
  const parent = process.ppid;
  const orphaned = new Promise<void>(resolve => {
    const timer = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(timer);
      resolve();
    }, pollMs);
    timer.unref();
  });
  return Promise.race([untilSignal(), orphaned]);
}
