import { slotsIn } from '../../ontology/fill-slots.ts';
import type { JsonObject } from '../../ontology/json.ts';
import type { PlanHeader } from '../../ontology/plan.ts';
import type { PlannedCheck, PlannedEffect, PlannedRequest } from '../../ontology/planned-effect.ts';
import { RecentlyUsed } from '../../ontology/recently-used.ts';
import type { Sql, Tx } from '../sql.ts';
import type { SagaHead } from './saga-rows.ts';

export type PlannedStep = { effect: PlannedEffect } | { check: PlannedCheck };

type Header = Pick<PlanHeader, 'prefilled' | 'actions'> & { effects: PlannedEffect[]; checks?: PlannedCheck[] };

/** What a plan says of its steps, by ordinal. */
export async function readPlannedSteps(tx: Sql, planId: string): Promise<PlannedStep[]> {
  return stepsOf(JSON.parse(await readHeader(tx, planId)) as Header);
}

/** The header is the first line of the first chunk: PostgreSQL could not hand out a part of it without reading all of it either. */
async function readHeader(tx: Sql, planId: string): Promise<string> {
  const [row] = await tx.rows<{ header: string }>(
    `SELECT split_part(convert_from(c.bytes, 'UTF8'), E'\\n', 1) AS header FROM exequatur.plan_chunk c WHERE c.plan_id = $1::uuid AND c.ordinal = 0`,
    [planId],
  );
  if (row === undefined) throw new Error('a saga names a plan that is not there');
  return row.header;
}

function stepsOf({ effects, checks = [] }: Header): PlannedStep[] {
  return [...effects.map((effect) => ({ effect })), ...checks.map((check) => ({ check }))];
}

/** A plan as those who do its steps need it. */
export interface KnownPlan {
  steps: readonly PlannedStep[];
  /** The ordinals of the steps whose answers say what a slot holds. */
  givers: ReadonlyMap<string, readonly number[]>;
  prefilled: Header['prefilled'];
  actions: Header['actions'];
}

const mostKept = 16 * 1024 * 1024; // Characters of headers. A change set of 1,000 actions with an effect each has about one million.

const kept = new RecentlyUsed<KnownPlan>(mostKept);

/**
 * Kept between steps, since a header is as long as the plan has effects and is needed at each of them. A plan's bytes never change, and no other plan has its id, so what is kept is
 * never stale.
 */
export async function knownPlan(tx: Tx, planId: string): Promise<KnownPlan> {
  const key = `${tx.tenant}/${planId}`;
  const found = kept.get(key);
  if (found !== undefined) return found;
  const text = await readHeader(tx, planId);
  const plan = known(JSON.parse(text) as Header);
  kept.set(key, plan, text.length);
  return plan;
}

function known(header: Header): KnownPlan {
  const steps = stepsOf(header);
  const givers = new Map<string, number[]>();
  for (const [ordinal, step] of steps.entries()) {
    for (const slot of 'effect' in step ? Object.keys(step.effect.slots ?? {}) : []) {
      const others = givers.get(slot);
      if (others === undefined) givers.set(slot, [ordinal]);
      else others.push(ordinal);
    }
  }
  return { steps, givers, prefilled: header.prefilled, actions: header.actions };
}

/** What earlier answers said of the slots that requests name. */
export async function readSlots(
  tx: Sql,
  proposalId: string,
  { run }: SagaHead,
  { givers }: KnownPlan,
  requests: readonly PlannedRequest[],
): Promise<JsonObject> {
  const ordinals = new Set(requests.flatMap((request) => slotsIn(request).flatMap((slot) => givers.get(slot) ?? [])));
  if (ordinals.size === 0) return {};
  const rows = await tx.rows<{ slots: JsonObject }>(
    `SELECT t.slots FROM exequatur.saga_step t
      WHERE t.proposal_id = $1::uuid AND t.run = $2::int AND t.ordinal = ANY ($3::int[]) AND t.slots IS NOT NULL ORDER BY t.ordinal`,
    [proposalId, run, [...ordinals]],
  );
  return Object.assign({}, ...rows.map(({ slots }) => slots));
}
