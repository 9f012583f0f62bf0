/** A node's events for ever: a stream that ends is opened again with the last cursor. */
import type { NodeApi } from './nodeApi.js';
import type { NodeEvent } from './nodeSchemas.js';

const reconnectMs = 500;

/** @returns a function that stops following */
export function followEvents(node: NodeApi, from: number, onEvent: (event: NodeEvent) => void): () => void {
  let cursor = from;
  let stopped = false;
  let stop = (): void => undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const follow = (): void => {
    if (stopped) return;
    stop = node.events(
      cursor,
      event => {
        cursor = event.cursor;
        onEvent(event);
      },
      () => {
        timer = setTimeout(follow, reconnectMs);
      },
    );
  };
  follow();
  return () => {
    stopped = true;
    clearTimeout(timer);
    stop();
  };
}
