/**
 * One program at a time: a lock file beside what it guards, made exclusively and removed afterwards. It is held for a
 * second at most, so one that is older than `staleMs` was left by a crash and is broken, by a rename that only one wins.
 */
import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { ClientError } from '../errors.js';

const staleMs = 30_000;
const patienceMs = 60_000;
const retryMs = 20;

/** @throws ClientError CLIENT_TIMEOUT when others hold the lock of `path` all the time */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  await take(lock);
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function take(lock: string): Promise<void> {
  const until = performance.now() + patienceMs;
  while (!(await isMade(lock))) {
    await breakStale(lock);
    if (performance.now() > until) {
      const detail = { code: 'CLIENT_TIMEOUT', what: `the lock ${lock}`, timeoutMs: patienceMs } as const;
      throw new ClientError(detail, `${lock}: another program holds it`);
    }
    await new Promise(resolve => setTimeout(resolve, retryMs));
  }
}

async function isMade(lock: string): Promise<boolean> {
  try {
    await (await open(lock, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function breakStale(lock: string): Promise<void> {
  try {
    if (Date.now() - (await stat(lock)).mtimeMs < staleMs) return;
    const broken = `${lock}.${randomBytes(4).toString('hex')}`;
    await rename(lock, broken);
    await rm(broken, { force: true });
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
