import { compareText } from './json.ts';
import type { PlannedCheck, PlannedEffect, PlannedProbe, PlannedRequest } from './planned-effect.ts';

/** What a plan does outside the ontology, as policies see it: where it goes, never what it says. */
export interface OutsideEffects {
  count: number;
  /** Whether one of them can be taken back by nothing. Optional ones are told, and stay. */
  irreversible: boolean;
  kinds: PlannedRequest['kind'][];
  /** Names of endpoints, and the hosts that their addresses name; also of compensations, probes and checks. */
  endpoints: string[];
  hosts: string[];
}

export const noEffects: OutsideEffects = { count: 0, irreversible: false, kinds: [], endpoints: [], hosts: [] };

export function outsideEffects(effects: readonly PlannedEffect[], checks: readonly PlannedCheck[]): OutsideEffects {
  const requests = [
    ...effects.flatMap(({ request, probe, compensation }) => [
      request,
      ...requestOf(probe),
      ...(compensation === undefined ? [] : [compensation.request, ...requestOf(compensation.probe)]),
    ]),
    ...checks.flatMap(({ probe }) => requestOf(probe)),
  ];
  const webhooks = requests.filter((request) => request.kind === 'webhook');
  return {
    count: effects.length,
    irreversible: effects.some(({ compensation, optional }) => compensation === undefined && !optional),
    kinds: distinct(requests.map(({ kind }) => kind)),
    endpoints: distinct(webhooks.map(({ endpoint }) => endpoint)),
    hosts: distinct(webhooks.flatMap(({ url }) => (URL.canParse(url) ? [new URL(url).host] : []))),
  };
}

function requestOf(probe: PlannedProbe | undefined): PlannedRequest[] {
  return probe === undefined ? [] : [probe.request];
}

function distinct<T extends string>(texts: readonly T[]): T[] {
  return [...new Set(texts)].sort(compareText);
}
