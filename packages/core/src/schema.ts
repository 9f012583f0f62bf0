/**
 * Shapes of canonical values: what decodeCanonical checks, and how a typed value becomes a canonical one again.
 * `read` copies byte strings, so that nothing typed is a view on received bytes.
 */
import type { Canonical } from './encoding.js';
import { CoreError } from './errors.js';
import { asPublicKey, type PublicKey } from './keys.js';

/** How values of type T stand in canonical bytes. Build them with the functions of this file. */
export interface Schema<T> {
  /**
   * @param at - path of `value`, for the error; null while nobody asks: decodeCanonical asks when one was thrown
   * @throws CoreError CORE_DECODE where the value has another shape
   */
  read(value: Canonical, at: string | null): T;
  write(value: T): Canonical;
}

function describe(value: Canonical): string {
  if (typeof value === 'number') return `number ${value}`;
  if (typeof value === 'string') return `text of ${value.length} characters`;
  return value instanceof Uint8Array ? `${value.length} bytes` : `array of ${value.length}`;
}

const below = (at: string | null, i: number): string | null => (at === null ? null : `${at}[${i}]`);

function refuse(path: string | null, expected: string, value: Canonical): never {
  const got = describe(value);
  const at = path ?? '';
  throw new CoreError(
    { code: 'CORE_DECODE', at, expected, got },
    `${at || 'the value'}: expected ${expected}, got ${got}`,
  );
}

/** Whole number from 0 to `max`. */
export function uint(max: number = Number.MAX_SAFE_INTEGER): Schema<number> {
  return {
    read: (value, at) =>
      typeof value === 'number' && value <= max ? value : refuse(at, `a number of at most ${max}`, value),
    write: value => value,
  };
}

/** Bytes of exactly this length, or of one of these. */
export function bytes(length: number | readonly number[]): Schema<Uint8Array> {
  const lengths: readonly number[] = typeof length === 'number' ? [length] : length;
  return {
    read: (value, at) =>
      value instanceof Uint8Array && lengths.includes(value.length)
        ? new Uint8Array(value)
        : refuse(at, `${lengths.join(' or ')} bytes`, value),
    write: value => value,
  };
}

/** Bytes, at least `min` and at most `max` of them. */
export function bytesUpTo(max: number, min = 0): Schema<Uint8Array> {
  return {
    read: (value, at) =>
      value instanceof Uint8Array && value.length >= min && value.length <= max
        ? new Uint8Array(value)
        : refuse(at, `${min} to ${max} bytes`, value),
    write: value => value,
  };
}

/** Printable ASCII text of at most `max` characters. */
export function ascii(max: number): Schema<string> {
  return {
    read: (value, at) =>
      typeof value === 'string' && value.length <= max ? value : refuse(at, `text of at most ${max} characters`, value),
    write: value => value,
  };
}

/** Array with these elements. */
export function tuple<A extends readonly unknown[]>(...items: { [K in keyof A]: Schema<A[K]> }): Schema<A> {
  const schemas = items as readonly Schema<A[number]>[];
  return {
    read: (value, at) => {
      if (!Array.isArray(value) || value.length !== schemas.length)
        return refuse(at, `array of ${schemas.length}`, value);
      const read: unknown[] = [];
      for (let i = 0; i < schemas.length; i++) read.push(schemas[i]!.read(value[i], below(at, i)));
      return read as readonly unknown[] as A;
    },
    write: value => schemas.map((item, i) => item.write(value[i])),
  };
}

/** Array whose elements are the fields of an object, in the order in which `fields` names them. */
export function record<T extends object>(fields: { [K in keyof T]-?: Schema<T[K]> }): Schema<T> {
  const names = Object.keys(fields) as (keyof T & string)[];
  return {
    read: (value, at) => {
      if (!Array.isArray(value) || value.length !== names.length) return refuse(at, `array of ${names.length}`, value);
      const read: Partial<T> = {};
      for (let i = 0; i < names.length; i++) read[names[i]!] = fields[names[i]!].read(value[i], below(at, i));
      return read as T;
    },
    write: value => names.map(name => fields[name].write(value[name])),
  };
}

/** Array of `min` to `max` elements of one kind. */
export function list<T>(item: Schema<T>, max: number, min = 0): Schema<T[]> {
  return {
    read: (value, at) =>
      Array.isArray(value) && value.length >= min && value.length <= max
        ? value.map((element: Canonical, i) => item.read(element, below(at, i)))
        : refuse(at, `array of ${min} to ${max}`, value),
    write: value => value.map(element => item.write(element)),
  };
}

/** This number and no other. */
export function constant<N extends number>(n: N): Schema<N> {
  return { read: (value, at) => (value === n ? n : refuse(at, `number ${n}`, value)), write: value => value };
}

/** Values that stand as another schema's values; `parse` may throw, `unparse` must be its inverse. */
export function map<A, B>(schema: Schema<A>, parse: (a: A) => B, unparse: (b: B) => A): Schema<B> {
  return { read: (value, at) => parse(schema.read(value, at)), write: value => schema.write(unparse(value)) };
}

function copy(value: Canonical): Canonical {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  return Array.isArray(value) ? value.map(copy) : value;
}

/** Any canonical value, up to `maxBytes` for its byte strings and texts together: look at it, then decode by the right schema. */
export function raw(maxBytes: number): Schema<Canonical> {
  const size = (value: Canonical): number => {
    if (typeof value === 'number') return 0;
    if (typeof value === 'string' || value instanceof Uint8Array) return value.length;
    return value.reduce((sum: number, item) => sum + size(item), 0);
  };
  return {
    read: (value, at) => (size(value) <= maxBytes ? copy(value) : refuse(at, `at most ${maxBytes} bytes`, value)),
    write: value => value,
  };
}

/** 32 bytes that can name somebody. Reading throws CORE_PUBLIC_KEY for 32 others. */
export function publicKey(): Schema<PublicKey> {
  return map<Uint8Array, PublicKey>(bytes(32), asPublicKey, key => key);
}
