/** Small pieces that our scripts share: where the repository is, and running a Node program without a shell. */
import { spawn } from 'node:child_process';
import { getPriority, setPriority } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
export const bin = (name, path) => join(root, 'node_modules', name, path);

/** Run `node file ...args`, inheriting the terminal, `nicer` than us by so much; resolves to the exit code. */
export function runNode(file, args, { cwd = root, env = {}, stdio = 'inherit', nodeArgs = [], nicer = 0 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...nodeArgs, file, ...args], {
      cwd,
      stdio,
      env: {
        ...process.env,
        TURBO_TELEMETRY_DISABLED: '1',
        ...env,
        PATH: join(root, 'node_modules', '.bin') + delimiter + (process.env.PATH ?? ''),
      },
    });
    if (nicer > 0 && child.pid !== undefined) setPriority(child.pid, Math.min(getPriority() + nicer, 19));
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(signal ? 1 : (code ?? 1)));
  });
}
