/**
 * What the commands share: exit code 0 on success, 1 on refusal or failure, 2 on wrong usage;
 * `--json` errors are one object on stderr, otherwise one plain sentence; running commands print one event a line.
 */
import { readFileSync } from 'node:fs';
import { CodedError } from '@radpass/core';

/** A wrong flag, argument or configuration field: exit code 2. */
export class UsageError extends Error {}

/** The value of a flag that counts something. @throws UsageError */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new UsageError(`${text}: expected a whole number`);
  return value;
}

/** The version in the package.json one folder above a program's module. */
export function versionBeside(moduleUrl: string): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', moduleUrl), 'utf8')) as { version: string };
  return version;
}

/** What commander throws instead of exiting, as far as it matters here. */
interface CommanderFailure {
  code: string;
  exitCode: number;
}

function isCommanderFailure(error: unknown): error is Error & CommanderFailure {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('commander.')
  );
}

const lingerMs = 2_000;

/** Run a parsed command line to its end and set the process's exit code. */
export async function runCommandLine(
  run: () => Promise<unknown>,
  argv: readonly string[] = process.argv,
): Promise<void> {
  try {
    await run();
  } catch (error) {
    process.exitCode = report(error, argv.includes('--json'));
    // Whatever a failed start could not close must not keep the process.
    setTimeout(() => process.exit(), lingerMs).unref();
  }
}

function report(error: unknown, json: boolean): number {
  if (isCommanderFailure(error)) {
    const usage = error.exitCode !== 0;
    if (usage && json) printError({ code: 'USAGE', message: error.message, detail: {} });
    return usage ? 2 : 0;
  }
  const code = error instanceof UsageError ? 'USAGE' : codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const detail = error instanceof CodedError ? plain(error.detail) : {};
  if (json) printError({ code, message, detail });
  else process.stderr.write(`${message} (${code})\n`);
  return error instanceof UsageError ? 2 : 1;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNEXPECTED';
}

function printError(error: { code: string; message: string; detail: unknown }): void {
  process.stderr.write(`${JSON.stringify({ error }, hexBytes)}\n`);
}

function plain(detail: unknown): unknown {
  return JSON.parse(JSON.stringify(detail, hexBytes));
}

/** JSON replacer: bytes as lowercase hex, bigint as decimal text. */
export function hexBytes(_name: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return typeof value === 'bigint' ? value.toString() : value;
}

/** One JSON object on stdout, bytes as hex. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, hexBytes)}\n`);
}

/** A second signal so soon after the first is the same one, told to the process and to its group. */
const sameSignalMs = 1_000;

/**
 * Resolves on SIGINT, SIGTERM, or when a program that started us with an IPC channel is gone, however it ended. Whoever
 * signals again after a second ends the process at once.
 */
export function untilSignal(): Promise<void> {
  return new Promise(resolve => {
    let first: number | undefined;
    const heard = (): void => {
      first ??= performance.now();
      if (performance.now() - first > sameSignalMs) process.exit(1);
      resolve();
    };
    process.on('SIGINT', heard);
    process.on('SIGTERM', heard);
    if (process.connected) process.once('disconnect', () => resolve());
  });
}
