/** A promise with a deadline. */

/** The work took longer than it may; it goes on. */
export class DeadlineError extends Error {}

/** Settles as `work` does, or rejects with a DeadlineError that says `what` after `ms`; the work itself goes on. */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(`${what} took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
