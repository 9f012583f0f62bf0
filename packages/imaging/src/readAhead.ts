/**
 * Reading one chunk ahead, so that the store reads while the connection takes the chunk before. Order, errors and their
 * places stay: what fails is thrown when its chunk is asked for, after all that came before it.
 */
export async function* readAhead(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const reader = source[Symbol.asyncIterator]();
  let ended = false;
  const ask = (): Promise<IteratorResult<Uint8Array>> => {
    const next = reader.next();
    // It may fail before anybody waits for it; whoever asks then still gets the error.
    next.catch(() => undefined);
    return next;
  };
  try {
    for (let coming = ask(); ; ) {
      const { done, value } = await coming;
      ended = done === true;
      if (ended) return;
      coming = ask();
      yield value;
    }
  } catch (error) {
    ended = true;
    throw error;
  } finally {
    if (!ended) await reader.return?.();
  }
}
