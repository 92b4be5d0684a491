import type { ErrorRequestHandler } from 'express';
import type pg from 'pg';
import { PolicyEngineAway } from '../ontology/policy-engine.ts';
import type { ProblemCode } from '../ontology/problems.ts';
import { isOutage } from '../store/is-outage.ts';
import { problemMediaType } from './problem.ts';
import { logOf, problemAnswer } from './request-log.ts';

/**
 * The edge at which every error ends: it is logged here once, with its causes, and the client hears a code of the catalogue and nothing of the error itself.
 */
export function answerError(pool: pg.Pool): ErrorRequestHandler {
  return async (error: unknown, request, response, next) => {
    try {
      const code = faultOfRequest(error) ?? (await faultOfOurs(pool, error));
      if (code === 'internal') logOf(response).error({ err: error }, 'a request failed');
      else if (code === 'temporarily_unavailable') logOf(response).warn({ err: error }, 'a request met an outage');
      if (response.headersSent) {
        response.destroy(); // Half an answer must not look like a whole one.
        return;
      }
      const { status, headers, document } = problemAnswer(request, response, { refused: code });
      response.status(status).set(headers).type(problemMediaType).send(JSON.stringify(document));
    } catch (failure) {
      next(failure);
    }
  };
}

/** Express and its body reader mark what the client did wrong with a 4xx status; nothing else in the product does. */
function faultOfRequest(error: unknown): ProblemCode | null {
  const status = (error as { status?: unknown } | null)?.status;
  if (typeof status !== 'number' || status < 400 || status > 499) return null;
  if (status === 413) return 'payload_too_large';
  if (status === 415) return 'unsupported_media_type';
  return 'malformed_request';
}

async function faultOfOurs(pool: pg.Pool, error: unknown): Promise<ProblemCode> {
  return error instanceof PolicyEngineAway || (await isOutage(pool, error)) ? 'temporarily_unavailable' : 'internal';
}
