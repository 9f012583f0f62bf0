/**
 * The demo's processes. Nothing runs in a shell; every child hangs on an IPC channel, whose end tells it that the demo
 * is gone, even when the demo was killed hard.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { DemoFailure } from './failure.js';

export type App = 'node' | 'gateway' | 'wallet' | 'requester';
export type JsonObject = Record<string, unknown>;

const readyTimeoutMs = 60_000;
const stopTimeoutMs = 8_000;
const commandTimeoutMs = 60_000;
const keptErrorLines = 5;

/** A child that runs until it is stopped. */
export interface Running {
  name: string;
  pid: number;
  /** What its ready line said. */
  ready: JsonObject;
  /** Ask it to end, and wait; after a while it is killed. */
  stop(): Promise<void>;
  /** SIGKILL: no chance to tidy up. */
  kill(): Promise<void>;
}

const require = createRequire(import.meta.url);

const manifests: Record<App, string> = {
  node: '@radpass/node/package.json',
  gateway: '@radpass/gateway/package.json',
  wallet: '@radpass/wallet/package.json',
  requester: '@radpass/requester/package.json',
};

/** The file behind an app's command, as its package names it. */
function commandOf(app: App): string {
  const manifest = require.resolve(manifests[app]);
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: Record<string, string> };
  return join(dirname(manifest), bin[`radpass-${app}`] ?? '');
}

export class Processes {
  readonly #children = new Set<ChildProcess>();
  readonly #logDir: string;
  #ending = false;

  constructor(logDir: string) {
    this.#logDir = logDir;
    // Whatever way this process ends by itself, nothing stays behind.
    process.once('exit', () => {
      for (const child of this.#children) child.kill('SIGKILL');
    });
  }

  /** Start an app and wait for its ready line; its log goes to LOGDIR/NAME.log. */
  async start(name: string, app: App, args: readonly string[]): Promise<Running> {
    const child = this.#spawn(app, [...args, '--json']);
    const log = createWriteStream(join(this.#logDir, `${name}.log`), { flags: 'a' });
    child.stderr?.pipe(log);
    const ready = await this.#untilReady(name, child);
    const gone = new Promise<void>(resolve => child.once('close', () => resolve()));
    const end = async (signal: NodeJS.Signals): Promise<void> => {
      child.kill(signal);
      const late = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
      await gone;
      clearTimeout(late);
    };
    return { name, pid: child.pid ?? 0, ready, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') };
  }

  /** Run a command to its end. @returns the JSON object that it printed @throws DemoFailure with the sentence it gave */
  async run(app: App, args: readonly string[]): Promise<JsonObject> {
    const child = this.#spawn(app, [...args, '--json']);
    const timer = setTimeout(() => child.kill('SIGKILL'), commandTimeoutMs);
    const [out, err, code] = await Promise.all([textOf(child.stdout), textOf(child.stderr), exitOf(child)]);
    clearTimeout(timer);
    const command = `radpass-${app} ${args.find(arg => /^[a-z]+$/.test(arg)) ?? ''}`;
    if (code !== 0) throw failed(command, sentenceIn(err) || `exit code ${code}`);
    const line = out.trim().split('\n').at(-1) ?? '';
    try {
      return JSON.parse(line) as JsonObject;
    } catch (cause) {
      throw failed(command, `it printed no JSON: ${line.slice(0, 80)}`, cause);
    }
  }

  /** Stop all that is left, and start nothing more. */
  close(): Promise<void> {
    this.#ending = true;
    return this.stopAll();
  }

  /** Stop all that is left. */
  async stopAll(): Promise<void> {
    const left = [...this.#children];
    const ends = left.map(child => exitOf(child));
    for (const child of left) child.kill('SIGTERM');
    const late = setTimeout(() => {
      for (const child of this.#children) child.kill('SIGKILL');
    }, stopTimeoutMs);
    await Promise.all(ends);
    clearTimeout(late);
  }

  #spawn(app: App, args: readonly string[]): ChildProcess {
    if (this.#ending) throw failed(`radpass-${app}`, 'the demo is ending');
    const child = spawn(process.execPath, [commandOf(app), ...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, NODE_NO_WARNINGS: '1' },
    });
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    return child;
  }

  #untilReady(name: string, child: ChildProcess): Promise<JsonObject> {
    const errors: string[] = [];
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(failed(name, `not ready after ${readyTimeoutMs} ms`)), readyTimeoutMs);
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
        finish();
      };
      if (child.stdout) {
        createInterface({ input: child.stdout }).on('line', line => {
          const event = line.startsWith('{') ? (JSON.parse(line) as JsonObject) : {};
          if (event.event === 'ready') settle(() => resolve(event));
        });
      }
      if (child.stderr) {
        createInterface({ input: child.stderr }).on('line', line => {
          errors.push(line);
          if (errors.length > keptErrorLines) errors.shift();
        });
      }
      child.once('error', cause => settle(() => reject(failed(name, cause.message, cause))));
      child.once('close', code =>
        settle(() => reject(failed(name, sentenceIn(errors.join('\n')) || `it ended with exit code ${code}`))),
      );
    });
  }
}

function failed(name: string, reason: string, cause?: unknown): DemoFailure {
  return new DemoFailure({ code: 'DEMO_PROCESS', process: name, reason }, `${name}: ${reason}`, { cause });
}

/** The message of the JSON error on stderr, else the last line. */
function sentenceIn(stderr: string): string {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  try {
    const { error } = JSON.parse(last) as { error?: { code: string; message: string } };
    return error ? `${error.message} (${error.code})` : last;
  } catch {
    return last;
  }
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) text += chunk;
  return text;
}

function exitOf(child: ChildProcess): Promise<number> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode ?? 1);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code => resolve(code ?? 1));
  });
}
