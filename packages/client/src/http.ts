/** One JSON exchange over an injected fetch: capped answer, schema-checked value, coded errors. */
import { ClientError } from './errors.js';
import type { z } from './zod.js';

/** The part of the platform's `fetch` that this package uses; `@radpass/client/node` has one for https with an own CA. */
export type Fetch = (
  url: string,
  init?: {
    method?: string;
    headers?: Record<string, string>;
    body?: Uint8Array<ArrayBuffer> | string;
    signal?: AbortSignal;
  },
) => Promise<{
  status: number;
  headers: { get(name: string): string | null };
  arrayBuffer(): Promise<ArrayBuffer>;
  body?: AsyncIterable<Uint8Array> | null;
}>;

const limitBytes = 4 * 1024 * 1024;

export interface Exchange {
  fetch: Fetch;
  url: string;
  method?: 'GET' | 'POST';
  body?: Uint8Array | object;
  headers?: Record<string, string>;
}

/**
 * Send a request and parse its JSON answer.
 * @throws ClientError CLIENT_UNREACHABLE, CLIENT_ANSWER_INVALID, CLIENT_ANSWER_TOO_LARGE, CLIENT_NOT_FOUND (404), CLIENT_REFUSED (other 4xx, 5xx)
 */
export async function exchangeJson<S extends z.ZodType>(p: Exchange, schema: S): Promise<z.output<S>> {
  const { status, value } = await send(p);
  if (status === 404) throw new ClientError({ code: 'CLIENT_NOT_FOUND', what: p.url }, `nothing at ${p.url}`);
  if (status >= 400) throw refusal(status, value);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const reason = parsed.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  throw new ClientError(
    { code: 'CLIENT_ANSWER_INVALID', url: p.url, reason },
    `${p.url} answered something else: ${reason}`,
  );
}

/**
 * Ask for bytes that are no JSON.
 * @throws ClientError as exchangeJson does
 */
export async function exchangeBytes(p: Exchange & { limitBytes: number }): Promise<Uint8Array> {
  const { status, bytes } = await sendRaw(p, 'application/octet-stream', p.limitBytes);
  if (status === 404) throw new ClientError({ code: 'CLIENT_NOT_FOUND', what: p.url }, `nothing at ${p.url}`);
  if (status >= 400) throw refusal(status, readJson(p, status, bytes));
  return bytes;
}

async function send(p: Exchange): Promise<{ status: number; value: unknown }> {
  const { status, bytes } = await sendRaw(p, 'application/json', limitBytes);
  return { status, value: readJson(p, status, bytes) };
}

async function sendRaw(p: Exchange, accept: string, maxBytes: number): Promise<{ status: number; bytes: Uint8Array }> {
  const init: Parameters<Fetch>[1] = {
    method: p.method ?? 'GET',
    headers: { accept, ...p.headers },
  };
  if (p.body instanceof Uint8Array) {
    init.body = Uint8Array.from(p.body);
    init.headers = { 'content-type': 'application/octet-stream', ...init.headers };
  } else if (p.body) {
    init.body = JSON.stringify(p.body);
    init.headers = { 'content-type': 'application/json', ...init.headers };
  }
  let status: number;
  let bytes: Uint8Array;
  try {
    const answer = await p.fetch(p.url, init);
    status = answer.status;
    bytes = new Uint8Array(await answer.arrayBuffer());
  } catch (cause) {
    if (cause instanceof ClientError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClientError({ code: 'CLIENT_UNREACHABLE', url: p.url, reason }, `${p.url} can't be reached: ${reason}`, {
      cause,
    });
  }
  if (bytes.length > maxBytes) {
    throw new ClientError(
      { code: 'CLIENT_ANSWER_TOO_LARGE', url: p.url, limitBytes: maxBytes },
      `${p.url} answered more than ${maxBytes} bytes`,
    );
  }
  return { status, bytes };
}

function readJson(p: Exchange, status: number, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    const reason = `HTTP ${status} without JSON`;
    throw new ClientError({ code: 'CLIENT_ANSWER_INVALID', url: p.url, reason }, `${p.url} answered ${reason}`, {
      cause,
    });
  }
}

function refusal(status: number, value: unknown): ClientError {
  const error = typeof value === 'object' && value !== null && 'error' in value ? value.error : undefined;
  const { code, message, detail } = {
    code: 'unknown',
    message: `HTTP ${status}`,
    detail: null,
    ...(error as object | undefined),
  };
  return new ClientError(
    { code: 'CLIENT_REFUSED', status, reason: message, remote: { code, detail } },
    `${message} (${code})`,
  );
}
