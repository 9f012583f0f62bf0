/** The commands as a user runs them: real processes, their output and their exit codes. */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const bin = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'radpass-node.js');

export interface Outcome {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface Refusal {
  exitCode: number | null;
  code: string;
  message: string;
  detail: Record<string, unknown>;
}

/** Run a command to its end; one that goes on for a minute is killed. */
export function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    const text = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8');
      child[name].on('data', (part: string) => {
        text[name] += part;
      });
    }
    child.on('error', reject);
    child.on('close', exitCode => resolve({ exitCode, ...text }));
  });
}

/** Run a command that has to succeed; its one JSON object. */
export async function runJson(args: readonly string[]): Promise<Record<string, unknown>> {
  const outcome = await run(['--json', ...args]);
  if (outcome.exitCode !== 0) throw new Error(`radpass-node ${args.join(' ')}: ${outcome.stderr}`);
  return JSON.parse(outcome.stdout) as Record<string, unknown>;
}

/** Run a command that has to fail: what it says as JSON. */
export async function runRefused(args: readonly string[]): Promise<Refusal> {
  const { exitCode, stdout, stderr } = await run(['--json', ...args]);
  const refusal = errorLine(stderr);
  if (!refusal) throw new Error(`no error on stderr of ${args.join(' ')}: ${stdout} ${stderr}`);
  return { ...refusal, exitCode };
}

/** The last {"error": …} among the lines of stderr; the others are the log. */
export function errorLine(stderr: string): Omit<Refusal, 'exitCode'> | undefined {
  return stderr
    .split('\n')
    .filter(line => line.startsWith('{"error"'))
    .map(line => (JSON.parse(line) as { error: Omit<Refusal, 'exitCode'> }).error)
    .at(-1);
}
