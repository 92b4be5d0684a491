import type { EndpointDefinition } from './effect-definition.ts';
import type { PlannedRequest } from './planned-effect.ts';

/**
 * Whether a request that was planned before goes to where a document lets its tenant send: to an endpoint that there is, under its URL. What the document no longer names may be
 * somebody else's by now, and would be sent with the secrets of whatever has the name.
 */
export function leadsToEndpoint(request: PlannedRequest, endpoints: Readonly<Record<string, EndpointDefinition>> = {}): boolean {
  if (request.kind !== 'webhook') return true;
  const base = Object.hasOwn(endpoints, request.endpoint) ? endpoints[request.endpoint]?.url.replace(/\/+$/, '') : undefined;
  if (base === undefined || !request.url.startsWith(base)) return false;
  return ['', '/', '?'].includes(request.url.slice(base.length, base.length + 1));
}
