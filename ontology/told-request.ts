import { maskedValue } from './mask.ts';
import type { PlannedEffect, PlannedRequest } from './planned-effect.ts';

/**
 * Everybody who reads events hears a message, so one of an effect that may hold sensitive values is told without its data. A plan says so itself: it shows what will be sent, and never what
 * will not.
 */
export function toldRequest<R extends PlannedRequest>(request: R, sensitive: readonly string[] = []): R {
  return request.kind === 'message' && sensitive.length > 0 ? { ...request, data: maskedValue } : request;
}

export function toldEffect(effect: PlannedEffect): PlannedEffect {
  const { request, compensation, sensitive } = effect;
  return {
    ...effect,
    request: toldRequest(request, sensitive),
    ...(compensation ? { compensation: { ...compensation, request: toldRequest(compensation.request, sensitive) } } : {}),
  };
}
