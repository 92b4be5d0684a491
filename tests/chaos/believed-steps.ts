import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import type { PlannedCheck, PlannedEffect, PlannedRequest } from '../../ontology/planned-effect.ts';
import type { StepState } from '../../ontology/saga.ts';
import type { LampShop } from '../workflows/lamp-shop.ts';
import type { BelievedStep, Request } from './judge-carrier.ts';

interface StepRecord {
  saga: string;
  keys: string;
  ordinal: number;
  name: string;
  state: StepState;
  slots: JsonObject;
  leftFrom: number | null;
  bakesUntilMs: number | null;
  effect: PlannedEffect | null;
  check: PlannedCheck | null;
}

/** Every step of every run, with what its plan says of it and what the answers of its run said. */
async function stepsOf(shop: LampShop): Promise<StepRecord[]> {
  return shop.query<StepRecord & Record<string, unknown>>(
    `SELECT t.proposal_id || '.' || t.run AS saga, t.proposal_id || '.' || substr(s.digest, 8, 32) || '.' || t.run AS keys, t.ordinal, t.name, t.state,
            coalesce((SELECT jsonb_object_agg(e.key, e.value) FROM exequatur.saga_step o, jsonb_each(o.slots) e
                       WHERE o.tenant_id = t.tenant_id AND o.proposal_id = t.proposal_id AND o.run = t.run AND jsonb_typeof(o.slots) = 'object'), '{}') AS slots,
            CASE WHEN EXISTS (SELECT FROM exequatur.audit_entry e WHERE e.tenant_id = t.tenant_id AND e.proposal_id = t.proposal_id AND e.type = 'proposal.failed'
                                AND convert_from(e.payload, 'UTF8')::jsonb ->> 'choice' = 'abort')
                  AND s.run = (SELECT max(y.run) FROM exequatur.saga y WHERE y.tenant_id = s.tenant_id AND y.proposal_id = s.proposal_id)
                 THEN (SELECT coalesce(max(o.ordinal) FILTER (WHERE o.decision = 'abort'), count(*) FILTER (WHERE o.phase = 'writeBack') - 0.5)::float8
                         FROM exequatur.saga_step o WHERE o.tenant_id = t.tenant_id AND o.proposal_id = t.proposal_id AND o.run = t.run) END AS "leftFrom", floor(extract(epoch FROM t.bakes_until) * 1000)::float8 AS "bakesUntilMs",
            h.header -> 'effects' -> t.ordinal AS effect, h.header -> 'checks' -> (t.ordinal - jsonb_array_length(h.header -> 'effects')) AS "check"
       FROM exequatur.saga_step t
       JOIN exequatur.saga s ON s.tenant_id = t.tenant_id AND s.proposal_id = t.proposal_id AND s.run = t.run
       JOIN exequatur.plan_chunk c ON c.tenant_id = s.tenant_id AND c.plan_id = s.plan_id AND c.ordinal = 0
       CROSS JOIN LATERAL (SELECT split_part(convert_from(c.bytes, 'UTF8'), E'\\n', 1)::jsonb AS header) h
      ORDER BY t.proposal_id, t.run, t.ordinal`,
  );
}

/** The steps that ask something of the carrier. */
export async function believedSteps(shop: LampShop): Promise<BelievedStep[]> {
  const steps = await stepsOf(shop);
  return steps.flatMap(({ keys: saga, ordinal, name, state, slots, leftFrom, bakesUntilMs, effect, check }): BelievedStep[] => {
    const base = { saga, ordinal, name, state, leftFrom, bakesUntilMs };
    const sent = (request: PlannedRequest | undefined) => (request === undefined ? null : sentAs(request, slots));
    if (effect === null)
      return [{ ...base, lostAnswer: 'key', do: null, undo: null, probes: { do: sent(check?.probe?.request), undo: null } }];
    const { request, lostAnswer, probe, compensation } = effect;
    if (request.kind === 'message') return [];
    const probes = { do: sent(probe?.request), undo: sent(compensation?.probe?.request) };
    return [{ ...base, lostAnswer, do: sent(request), undo: sent(compensation?.request), probes }];
  });
}

/** What a request is when it arrives; a label is printed by what its function asks for. Null for a message, which goes nowhere. */
function sentAs(request: PlannedRequest, slots: JsonObject): Request | null {
  switch (request.kind) {
    case 'message':
      return null;
    case 'webhook': {
      const path = new URL(request.url.replace(/\{(\w+)\}/g, (_, name: string) => String(slots[name]))).pathname;
      return { method: request.method, path, ...(request.body === undefined ? {} : { body: whole(request.body, slots) }) };
    }
    case 'function': {
      const input = whole(request.input, slots) as JsonObject;
      return { method: request.name === 'printLabel' ? 'POST' : 'DELETE', path: `/labels/${input.depot}`, body: input };
    }
  }
}

function whole(value: JsonValue, slots: JsonObject): JsonValue {
  const text = JSON.stringify(value).replace(/\{"\$slot":"(\w+)"\}/g, (_, name: string) => JSON.stringify(slots[name] ?? null));
  return JSON.parse(text) as JsonValue;
}

/** Messages that the outbox must hold and those that it holds, each as `<proposal>.<run> <type> <data>`, sorted. */
export async function messagesOf(shop: LampShop): Promise<{ expected: string[]; found: string[] }> {
  const expected = (await stepsOf(shop)).flatMap(({ saga, state, slots, effect }) => {
    const lines: string[] = [];
    const tell = (request: PlannedRequest | undefined) => {
      if (request?.kind === 'message') lines.push(`${saga} message.${request.type} ${JSON.stringify(whole(request.data, slots))}`);
    };
    if (state === 'done' || state === 'undone') tell(effect?.request);
    if (state === 'undone') tell(effect?.compensation?.request);
    return lines;
  });
  const rows = await shop.query<{ saga: string; type: string; data: JsonValue }>(
    `SELECT o.proposal_id || '.' || (convert_from(a.payload, 'UTF8')::jsonb ->> 'run') AS saga, o.type, o.data -> 'data' AS data
       FROM exequatur.outbox o JOIN exequatur.audit_entry a ON a.tenant_id = o.tenant_id AND a.id = o.audit_entry_id WHERE a.type = 'effect.message'`,
  );
  return { expected: expected.sort(), found: rows.map(({ saga, type, data }) => `${saga} ${type} ${JSON.stringify(data)}`).sort() };
}
