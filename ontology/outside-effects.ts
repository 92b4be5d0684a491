import { compareText } from './json.ts';
import type { PlannedCheck, PlannedEffect, PlannedRequest } from './planned-effect.ts';

/** What a plan does outside the ontology, as policies see it: where it goes, never what it says. */
export interface OutsideEffects {
  count: number;
  /** Whether one of them can be taken back by nothing. */
  irreversible: boolean;
  kinds: PlannedRequest['kind'][];
  /** Names of endpoints, and the hosts that their addresses name; also of compensations, probes and checks. */
  endpoints: string[];
  hosts: string[];
}

export const noEffects: OutsideEffects = { count: 0, irreversible: false, kinds: [], endpoints: [], hosts: [] };

export function outsideEffects(effects: readonly PlannedEffect[], checks: readonly PlannedCheck[]): OutsideEffects {
  const requests = [...effects.flatMap(requestsOf), ...checks.flatMap(({ probe }) => probe?.request ?? [])];
  const webhooks = requests.filter((request) => request.kind === 'webhook');
  return {
    count: effects.length,
    irreversible: effects.some(isIrreversible),
    kinds: distinct(requests.map(({ kind }) => kind)),
    endpoints: distinct(webhooks.map(({ endpoint }) => endpoint)),
    hosts: distinct(webhooks.flatMap(({ url }) => (URL.canParse(url) ? [new URL(url).host] : []))),
  };
}

/** All that may be sent for an effect, on the way there and back. */
export function requestsOf({ request, probe, compensation }: PlannedEffect): PlannedRequest[] {
  return [request, probe?.request, compensation?.request, compensation?.probe?.request].filter((one) => one !== undefined);
}

/** What is optional is told, and stays; nobody counts on its being taken back. */
export function isIrreversible({ compensation, optional }: PlannedEffect): boolean {
  return compensation === undefined && !optional;
}

function distinct<T extends string>(texts: readonly T[]): T[] {
  return [...new Set(texts)].sort(compareText);
}
