/** Run a client program beside the server in this process; it prints one JSON object. */
import { spawn } from 'node:child_process';

export async function run(command: string, args: string[]): Promise<Record<string, unknown>> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let errors = '';
  child.stdout.on('data', chunk => {
    out += chunk;
  });
  child.stderr.on('data', chunk => {
    errors += chunk;
  });
  const status = await new Promise<number | null>(resolve => child.once('close', resolve));
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${errors}${out}`);
  return JSON.parse(out) as Record<string, unknown>;
}
