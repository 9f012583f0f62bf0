/**
 * Configuration in layers: flag > environment > file > default. An unknown or wrong field is an
 * error that names it. `RADPASS_GATEWAY_TLS_CERT` sets `tls.cert`: names are compared without case and separators.
 */
import { readFileSync } from 'node:fs';
import { z } from '../zod.js';
import { UsageError } from './commandLine.js';

type Tree = { [name: string]: unknown };

export interface ConfigurationLayers {
  /** Path of the JSON file, if one was named. */
  file?: string | undefined;
  /** For instance RADPASS_GATEWAY. */
  envPrefix: string;
  env?: NodeJS.ProcessEnv;
  /** Values of flags by dotted path; undefined where the flag wasn't given. */
  flags?: Record<string, unknown>;
}

/** Read, merge and check. @throws UsageError naming the field */
export function loadConfiguration<S extends z.ZodType>(schema: S, layers: ConfigurationLayers): z.output<S> {
  const tree: Tree = layers.file ? readTree(layers.file) : {};
  for (const path of leafPaths(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema)) {
    const text = (layers.env ?? process.env)[`${layers.envPrefix}_${path.join('_').toUpperCase()}`];
    if (text !== undefined) setAt(tree, path, fromText(text));
  }
  for (const [path, value] of Object.entries(layers.flags ?? {})) {
    if (value !== undefined) setAt(tree, path.split('.'), value);
  }
  const parsed = schema.safeParse(tree);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const name = issue?.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]] : (issue?.path ?? []);
  throw new UsageError(`configuration field ${name.join('.') || '(root)'}: ${issue?.message ?? 'is wrong'}`);
}

interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
}

function leafPaths(schema: JsonSchema, at: string[] = []): string[][] {
  const objects = [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].filter(part => part.properties);
  if (objects.length === 0) return at.length > 0 ? [at] : [];
  return objects.flatMap(part =>
    Object.entries(part.properties ?? {}).flatMap(([name, inner]) => leafPaths(inner, [...at, name])),
  );
}

function readTree(file: string): Tree {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new UsageError(`configuration file ${file} can't be read`);
  }
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch (error) {
    throw new UsageError(
      `configuration file ${file} is no JSON object: ${error instanceof Error ? error.message : error}`,
    );
  }
}

function fromText(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^\d{1,15}$/.test(text) ? Number(text) : text;
}

function setAt(tree: Tree, path: readonly string[], value: unknown): void {
  let at = tree;
  for (const name of path.slice(0, -1)) {
    const inner = at[name];
    at = at[name] = typeof inner === 'object' && inner !== null ? { ...inner } : {};
  }
  at[path.at(-1)!] = value;
}
