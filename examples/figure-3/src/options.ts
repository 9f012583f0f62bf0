/** The demo's flags; help.txt explains them. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError } from '@radpass/client/node';

export interface Options {
  /** Leave everything running until a signal. */
  serve: boolean;
  json: boolean;
  help: boolean;
  /** Absolute path of the study's folder. */
  study?: string;
  /** Absolute path of the folder to keep. */
  out?: string;
}

/** @throws UsageError naming the flag that is wrong */
export function parseOptions(argv: readonly string[]): Options {
  const { once, serve, json, help, study, out } = readFlags(argv);
  if (once && serve) throw new UsageError('give either --once or --serve');
  return {
    serve,
    json,
    help,
    ...(study === undefined ? {} : { study: resolve(study) }),
    ...(out === undefined ? {} : { out: resolve(out) }),
  };
}

function readFlags(argv: readonly string[]) {
  const flag = { type: 'boolean', default: false } as const;
  const path = { type: 'string' } as const;
  try {
    const options = { once: flag, serve: flag, json: flag, help: flag, study: path, out: path };
    return parseArgs({ args: [...argv], options, strict: true }).values;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error} (--help names the flags)`);
  }
}
