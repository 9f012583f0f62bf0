/** The gateway's commands speak to the running gateway by its desk API, with the token from its folder. */
import { join } from 'node:path';
import { exchangeJson } from '@radpass/client';
import { nodeFetch } from '@radpass/client/node';
import { CodedError } from '@radpass/core';
import { z } from 'zod';
import type { GatewayConfig } from './config.js';
import { GatewayError } from './errors.js';
import { readText } from './files.js';

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

/** The answer of this folder's own gateway, a program of the same release: of the shape that deskApi.ts gives. */
export async function askDesk<T extends object = Record<string, unknown>>(
  config: GatewayConfig,
  path: string,
  body?: object,
): Promise<T> {
  const token = readText(join(config.dataDir, 'desk.token')).trim();
  const url = `http://${config.desk.listen}${path}`;
  const headers = { authorization: `Bearer ${token}` };
  try {
    return await exchangeJson(
      { fetch: nodeFetch(), url, headers, ...(body ? { method: 'POST', body } : {}) },
      z.custom<T>(isObject),
    );
  } catch (cause) {
    if (cause instanceof CodedError && cause.code === 'CLIENT_UNREACHABLE') {
      const detail = { code: 'GATEWAY_NOT_RUNNING' as const, address: config.desk.listen };
      throw new GatewayError(detail, `no gateway answers at ${config.desk.listen}: start it first`, { cause });
    }
    throw cause;
  }
}
