/** Edge of the HTTP API: coded errors become a status and {"error": {code, message, detail}}; nothing else leaks. */

import { hexBytes } from '@radpass/client/node';
import { CodedError } from '@radpass/core';
import type { NextFunction, Request, Response } from 'express';

const statuses: Record<string, number> = {
  NODE_REQUEST: 400,
  NODE_NOT_FOUND: 404,
  NODE_FORBIDDEN: 403,
  NODE_BUSY: 429,
  NODE_NOT_READY: 503,
  LEDGER_PREFIX_TOO_SHORT: 400,
  LEDGER_TX_SEQ: 409,
  LEDGER_TX_NO_CHANGE: 409,
  LEDGER_MEMPOOL_FULL: 503,
};

/** Malformed input is 400; what a rule refuses is 422; what nobody foresaw is 500 without its words. */
function statusOf(code: string): number {
  const named = statuses[code];
  if (named) return named;
  if (code === 'CORE_SIGNATURE') return 422;
  if (code.startsWith('CORE_')) return 400;
  return code.startsWith('LEDGER_') ? 422 : 500;
}

export function answerError(error: unknown, _request: Request, response: Response, next: NextFunction): void {
  if (response.headersSent) {
    next(error);
    return;
  }
  const { status, body } = describe(error);
  response
    .status(status)
    .type('json')
    .send(JSON.stringify({ error: body }, hexBytes));
}

function describe(error: unknown): { status: number; body: { code: string; message: string; detail: unknown } } {
  if (error instanceof CodedError) {
    return { status: statusOf(error.code), body: { code: error.code, message: error.message, detail: error.detail } };
  }
  const type = typeof error === 'object' && error !== null && 'type' in error ? error.type : undefined;
  if (type === 'entity.too.large' || type === 'entity.parse.failed') {
    const reason = type === 'entity.too.large' ? 'the body is too large' : 'the body is no JSON';
    return {
      status: type === 'entity.too.large' ? 413 : 400,
      body: { code: 'NODE_REQUEST', message: reason, detail: { reason } },
    };
  }
  return {
    status: 500,
    body: { code: 'NODE_INTERNAL', message: 'the node failed to answer; its log says why', detail: {} },
  };
}
