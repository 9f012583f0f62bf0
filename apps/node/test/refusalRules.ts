/** What every refused command owes its user. */
import { expect } from '@jest/globals';
import { runRefused } from './commands.js';

export interface Expected {
  code: string;
  /** Stands in the sentence. */
  says: string;
  exitCode?: number;
}

export async function expectRefused(args: readonly string[], p: Expected): Promise<void> {
  const refusal = await runRefused(args);
  expect(refusal).toMatchObject({ code: p.code, exitCode: p.exitCode ?? 1 });
  expect(refusal.message).toContain(p.says);
  expect(refusal.message.trim().split('\n')).toHaveLength(1);
}

/** Several at once: most of a command's time is its start. */
export async function expectAllRefused(all: readonly (readonly [readonly string[], Expected])[]): Promise<void> {
  for (let i = 0; i < all.length; i += 2) {
    await Promise.all(all.slice(i, i + 2).map(([args, expected]) => expectRefused(args, expected)));
  }
}
