import { canonicalText } from '../../ontology/canonical-json.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { type EffectCall, type EffectFunction, EffectRefused } from '../../ontology/ontology-function.ts';

/** Effect functions, for EXEQUATUR_FUNCTIONS, that have the carrier print a label and void it again. */
export const functions: readonly EffectFunction[] = [
  { name: 'printLabel', version: 1, perform: (input, call) => ask('POST', input, call) },
  { name: 'voidLabel', version: 1, perform: (input, call) => ask('DELETE', input, call) },
];

const refusals: ReadonlySet<number> = new Set([404, 409, 422, 423]);

async function ask(method: string, input: JsonValue, { idempotencyKey, signal }: EffectCall): Promise<JsonValue> {
  const { depot } = input as { depot: string };
  const response = await fetch(`${process.env.CARRIER_URL}/labels/${depot}`, {
    method,
    headers: { 'idempotency-key': idempotencyKey, 'content-type': 'application/json' },
    body: canonicalText(input),
    redirect: 'manual',
    signal,
  });
  if (response.status === 404 && method === 'DELETE') return {}; // There is none any more.
  if (refusals.has(response.status)) throw new EffectRefused();
  if (!response.ok) throw new Error(`answered ${response.status}`);
  return (await response.json()) as JsonValue;
}
