/** Edge of the HTTP API: coded errors become a status and {"error": {code, message, detail}}; nothing else leaks. */

import { hexBytes, placeOf, unreadableRequest } from '@radpass/client/node';
import { CodedError, codeOf } from '@radpass/core';
import type { ErrorRequestHandler, NextFunction, Request, Response } from 'express';
import type { Log } from './runtime.js';

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
  LEDGER_UPGRADE: 503,
};

/** Malformed input is 400; what a rule refuses is 422; what nobody foresaw is 500 without its words. */
function statusOf(code: string): number {
  const named = statuses[code];
  if (named) return named;
  if (code === 'CORE_SIGNATURE') return 422;
  if (code.startsWith('CORE_')) return 400;
  return code.startsWith('LEDGER_') ? 422 : 500;
}

/** The last handler of an app; what nobody foresaw goes to the log by its code and place, and to nobody else. */
export function answerErrors(log: Log): ErrorRequestHandler {
  return (error: unknown, _request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const { status, body } = describe(error);
    if (status === 500) log('request-failed', { reason: codeOf(error), place: placeOf(error) });
    response
      .status(status)
      .type('json')
      .send(JSON.stringify({ error: body }, hexBytes));
  };
}

interface Answer {
  status: number;
  body: { code: string; message: string; detail: unknown };
}

function describe(error: unknown): Answer {
  if (error instanceof CodedError) {
    return { status: statusOf(error.code), body: { code: error.code, message: error.message, detail: error.detail } };
  }
  const unreadable = unreadableRequest(error);
  if (unreadable) {
    const { status, reason } = unreadable;
    return { status, body: { code: 'NODE_REQUEST', message: reason, detail: { reason } } };
  }
  return {
    status: 500,
    body: { code: 'NODE_INTERNAL', message: 'the node failed to answer; its log says why', detail: {} },
  };
}
