/** Edge of the gateway's HTTP surfaces: coded errors become a status and {"error": {code, message, detail}}. */

import { ClientError } from '@radpass/client';
import { hexBytes, placeOf, unreadableRequest } from '@radpass/client/node';
import { CodedError, codeOf } from '@radpass/core';
import { ImagingError } from '@radpass/imaging';
import type { ErrorRequestHandler, NextFunction, Request, Response } from 'express';
import type { z } from 'zod';
import { GatewayError } from './errors.js';
import type { Log } from './runtime.js';

const statuses: Record<string, number> = {
  GATEWAY_REQUEST: 400,
  GATEWAY_NOT_FOUND: 404,
  GATEWAY_METHOD: 405,
  GATEWAY_BUSY: 429,
  GATEWAY_STUDY_WITHDRAWN: 409,
  GATEWAY_STUDY_UNKNOWN: 404,
  GATEWAY_OFFER_UNKNOWN: 404,
  GATEWAY_OFFER_EXPIRED: 410,
  GATEWAY_OFFER_VOID: 410,
  GATEWAY_STUDY_CLAIMED: 409,
  GATEWAY_CLAIM_STATE: 409,
  GATEWAY_STUDY_AMBIGUOUS: 409,
  GATEWAY_CLAIM_INVALID: 422,
  GATEWAY_REVOCATION_INVALID: 422,
  GATEWAY_FORBIDDEN: 403,
  GATEWAY_NOT_OWNER: 403,
  CORE_SIGNATURE: 422,
  CORE_OWNERSHIP: 403,
};

export function send(response: Response, value: unknown): void {
  response.type('json').send(JSON.stringify(value, hexBytes));
}

/** The JSON body by its schema. @throws GatewayError GATEWAY_REQUEST naming the field */
export function jsonBody<S extends z.ZodType>(request: Request, schema: S): z.output<S> {
  const parsed = schema.safeParse(request.body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const reason = `${issue?.path.join('.') || 'body'}: ${issue?.message}`;
  throw new GatewayError({ code: 'GATEWAY_REQUEST', reason }, reason);
}

/** The last handler of an app. What nobody foresaw goes to the log by its code and place, and to nobody else. */
export function answerErrors(log: Log): ErrorRequestHandler {
  return (error: unknown, _request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const { status, code, message, detail } = describe(error);
    if (status === 500 || code === 'IMAGING_ARCHIVE')
      log('request-failed', { reason: codeOf(error), place: placeOf(error) });
    response.status(status);
    send(response, { error: { code, message, detail } });
  };
}

function describe(error: unknown): { status: number; code: string; message: string; detail: unknown } {
  if (error instanceof ClientError) {
    return { status: 503, code: error.code, message: 'the node can not be asked at the moment', detail: {} };
  }
  if (error instanceof ImagingError && error.code === 'IMAGING_ARCHIVE') {
    return { status: 503, code: error.code, message: 'the image archive can not be asked at the moment', detail: {} };
  }
  if (error instanceof CodedError) {
    const status = statuses[error.code] ?? (error.code.startsWith('CORE_') ? 400 : 500);
    if (status !== 500) return { status, code: error.code, message: error.message, detail: error.detail };
  }
  const unreadable = unreadableRequest(error);
  if (unreadable) {
    const { status, reason } = unreadable;
    return { status, code: 'GATEWAY_REQUEST', message: reason, detail: { reason } };
  }
  const message = 'the gateway failed to answer; its log says why';
  return { status: 500, code: 'GATEWAY_INTERNAL', message, detail: {} };
}
