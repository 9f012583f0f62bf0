/**
 * Layers for a program whose settings are its flags: flag > environment > file > default.
 * The environment's name of `--data-dir` is PREFIX_DATA_DIR; in the JSON file it is "dataDir".
 */
import { readFileSync } from 'node:fs';
import { UsageError } from './commandLine.js';

/** What commander's Option and Command have of it. */
interface LayeredOption {
  attributeName(): string;
  env(name: string): unknown;
}
export interface LayeredCommand {
  readonly options: readonly LayeredOption[];
  readonly commands: readonly LayeredCommand[];
  setOptionValueWithSource(name: string, value: unknown, source: string): unknown;
}

/** Give every option of the program and its commands the two lower layers; call it before parsing. @throws UsageError */
export function layerOptions(
  program: LayeredCommand,
  p: { envPrefix: string; argv?: readonly string[]; env?: NodeJS.ProcessEnv },
): void {
  const argv = p.argv ?? process.argv;
  const at = argv.indexOf('--config');
  const file = at >= 0 ? argv[at + 1] : (p.env ?? process.env)[`${p.envPrefix}_CONFIG`];
  const settings = file === undefined ? {} : readSettings(file);
  const known = new Set<string>();
  const apply = (command: LayeredCommand): void => {
    for (const option of command.options) {
      const name = option.attributeName();
      if (name === 'version') continue;
      known.add(name);
      option.env(`${p.envPrefix}_${name.replaceAll(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`);
      if (Object.hasOwn(settings, name)) command.setOptionValueWithSource(name, settings[name], 'config');
    }
    for (const inner of command.commands) apply(inner);
  };
  apply(program);
  const stranger = Object.keys(settings).find(name => !known.has(name));
  if (stranger !== undefined) throw new UsageError(`configuration field ${stranger}: there is no such setting`);
}

function readSettings(file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const why = error instanceof SyntaxError ? 'is no JSON' : "can't be read";
    throw new UsageError(`configuration file ${file} ${why}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new UsageError(`configuration file ${file} holds no JSON object`);
}
