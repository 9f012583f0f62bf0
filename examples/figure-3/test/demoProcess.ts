/** The demo as a child process, as `npm run demo` runs it once everything is built. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const mainFile = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Demo {
  child: ChildProcess;
  pid: number;
  /** Resolves with the first line of stdout (stderr) that matches; rejects when the process ends before. */
  line(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<string>;
  ended: Promise<Ended>;
}

export function startDemo(args: readonly string[], main = mainFile): Demo {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { stdout: '', stderr: '' };
  const checks = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      texts[name] += chunk;
      for (const check of checks) check();
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code => resolve({ code, ...texts }));
  });
  const line: Demo['line'] = (stream, pattern) =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const complete = texts[stream].split('\n').slice(0, -1);
        const found = complete.find(text => pattern.test(text));
        if (found === undefined) return;
        checks.delete(check);
        resolve(found);
      };
      checks.add(check);
      check();
      void ended.then(({ code, stderr }) => reject(new Error(`ended with ${code}: ${stderr.slice(-2000)}`)), reject);
    });
  return { child, pid: child.pid ?? 0, line, ended };
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // jest's context has another Error class than node:process throws.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Wait until none of these processes is left. @returns those that still are */
export async function untilGone(pids: readonly number[], timeoutMs: number): Promise<number[]> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const left = pids.filter(isRunning);
    if (left.length === 0 || Date.now() > deadline) return left;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}

/** Processes whose parent is `pid`, by /proc. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => {
      try {
        const stat = readFileSync(join('/proc', name, 'stat'), 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid ? [Number(name)] : [];
      } catch {
        // It ended while we looked.
        return [];
      }
    });
}
