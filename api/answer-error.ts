import type { ErrorRequestHandler } from 'express';
import type pg from 'pg';
import { PolicyEngineAway } from '../ontology/policy-engine.ts';
import type { ProblemCode } from '../ontology/problems.ts';
import { isOutage } from '../store/is-outage.ts';
import { type FaultPlace, problemMediaType } from './problem.ts';
import { logOf, problemAnswer } from './request-log.ts';
import type { RouteRefusal } from './route.ts';

/**
 * The edge at which every error ends: it is logged here once, with its causes, and the client hears a code of the catalogue and nothing of the error itself.
 */
export function answerError(pool: pg.Pool): ErrorRequestHandler {
  return async (error: unknown, request, response, next) => {
    try {
      const refusal = refusalOfRequest(error) ?? { refused: await faultOfOurs(pool, error) };
      const code = refusal.refused;
      if (code === 'internal') logOf(response).error({ err: error }, 'a request failed');
      else if (code === 'temporarily_unavailable') logOf(response).warn({ err: error }, 'a request met an outage');
      if (response.headersSent) {
        response.destroy(); // Half an answer must not look like a whole one.
        return;
      }
      const { status, headers, document } = problemAnswer(request, response, refusal);
      response.status(status).set(headers).type(problemMediaType).send(JSON.stringify(document));
    } catch (failure) {
      next(failure);
    }
  };
}

/** Express and its body reader mark what the client did wrong with a 4xx status; nothing else in the product does. */
function refusalOfRequest(error: unknown): RouteRefusal | null {
  const status = (error as { status?: unknown } | null)?.status;
  if (typeof status !== 'number' || status < 400 || status > 499) return null;
  if (status === 413) return { refused: 'payload_too_large' };
  if (status === 415) return { refused: 'unsupported_media_type' };
  if (error instanceof URIError) return malformed('path', '', 'is not percent-encoded UTF-8');
  // Of the reader's errors only those of what unpacks a body have a code of zlib's.
  const isPacked = /^Z_|^ERR_(?:BROTLI|_ERROR_FORMAT|ZLIB)/.test(String((error as { code?: unknown }).code ?? ''));
  return isPacked
    ? malformed('header', '/Content-Encoding', 'the body is not encoded so')
    : malformed('body', '', 'did not arrive as it was announced');
}

function malformed(place: FaultPlace, pointer: string, message: string): RouteRefusal {
  return { refused: 'malformed_request', place, faults: [{ code: 'malformed_request', pointer, message }] };
}

async function faultOfOurs(pool: pg.Pool, error: unknown): Promise<ProblemCode> {
  return error instanceof PolicyEngineAway || (await isOutage(pool, error)) ? 'temporarily_unavailable' : 'internal';
}
