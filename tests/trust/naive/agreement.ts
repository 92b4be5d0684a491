import { canonicalText } from '../../../ontology/canonical-json.ts';
import { compileOntology } from '../../../ontology/compile-ontology.ts';
import type { CompiledOntology } from '../../../ontology/compiled-ontology.ts';
import { evaluate } from '../../../ontology/evaluate.ts';
import { evaluateRevert, type HistoryChange } from '../../../ontology/evaluate-revert.ts';
import type { JsonObject } from '../../../ontology/json.ts';
import { type AppliedChange, MemorySnapshot } from '../../../ontology/memory-snapshot.ts';
import { parseParameters } from '../../../ontology/parameters.ts';
import type { Edit, Simulation } from '../../../ontology/plan.ts';
import { Dice } from '../random-numbers.ts';
import { judge } from './evaluator.ts';
import { randomParameters, randomState, randomWorld } from './generator.ts';
import { toDocument } from './to-document.ts';
import type { Rule, State, World } from './world.ts';

/** How many cases there were, and what was in those that made a plan. */
export interface Tally {
  cases: number;
  planned: number;
  invalid: number;
  edits: number;
  seen: Record<string, number>;
}

export const noTally = (): Tally => ({ cases: 0, planned: 0, invalid: 0, edits: 0, seen: {} });

const statesOfWorld = 6;
const parametersOfState = 4;
export const context = {
  tenant: 't',
  actionTypeVersion: 1,
  evaluatedAt: '2026-01-01T00:00:00.000Z',
  proposer: { id: 'p', kind: 'user' as const, roles: ['r'] },
  revisionSeed: 's',
};

/** Compares the two evaluators on everything that comes of one seed. @throws with the seed where they differ. */
export async function agreeOn(seed: number, tally: Tally): Promise<void> {
  const world = randomWorld(seed);
  const document = toDocument(world);
  const outcome = compileOntology(document);
  if (!outcome.ok) throw new Error(`seed ${seed}: the generated document is refused: ${JSON.stringify(outcome.faults.slice(0, 3))}`);
  const shuffled = compileOntology(toDocument(withRulesShuffled(world, seed)));
  for (let at = 0; at < statesOfWorld; at++) {
    const state = randomState(world, seed * 31 + at);
    if (!state) continue;
    for (const [action, definition] of Object.entries(world.actions)) {
      for (let turn = 0; turn < parametersOfState; turn++) {
        const given = randomParameters(world, state, definition, seed * 97 + at * 11 + turn);
        try {
          await compare(world, outcome.ontology, shuffled.ok ? shuffled.ontology : outcome.ontology, state, action, given, tally);
        } catch (error) {
          const shown = {
            action: document.actionTypes?.[action],
            given,
            state: [...state.objects].map(([type, all]) => [type, [...all]]),
            rows: [...state.rows].map(([link, all]) => [link, [...all]]),
          };
          throw new Error(`seed ${seed}, state ${at}, ${action}, turn ${turn}: ${(error as Error).message}\n${JSON.stringify(shown)}`, {
            cause: error,
          });
        }
      }
    }
  }
}

async function compare(
  world: World,
  ontology: CompiledOntology,
  shuffled: CompiledOntology,
  state: State,
  action: string,
  given: JsonObject,
  tally: Tally,
): Promise<void> {
  const parsed = parseParameters(ontology, action, given);
  if (!parsed.ok) throw new Error(`parameters are refused: ${JSON.stringify(parsed.faults)}`);
  const snapshot = snapshotOf(ontology, state);
  const product = await evaluate(ontology, action, parsed.parameters, snapshot, context);
  const verdict = judge(world, state, action, given);
  tally.cases++;
  if (product.kind === 'invalid') {
    tally.invalid++;
    const codes = product.faults.map(({ code }) => code);
    if ('edits' in verdict)
      throw new Error(`the product finds faults, ${JSON.stringify(product.faults)}, and the other edits, ${JSON.stringify(verdict.edits)}`);
    // Where a rule creates what is there already, nobody can say what the rest of the plan would be.
    const isMuddled = codes.includes('object_exists') && verdict.faults.has('object_exists');
    const stray = isMuddled ? [] : codes.filter((code) => !verdict.faults.has(code));
    if (stray.length > 0) throw new Error(`the product finds ${JSON.stringify(product.faults)}, and the other only ${[...verdict.faults]}`);
    return;
  }
  const { plan, summary } = product.simulation;
  if (!('edits' in verdict)) throw new Error(`the product plans ${JSON.stringify(plan.edits)}, and the other finds ${[...verdict.faults]}`);
  same('edits', sorted(plan.edits), sorted(verdict.edits));
  same('count', String(Object.values(summary.edits).reduce((sum, count) => sum + count, 0)), String(verdict.edits.length));
  tally.planned++;
  tally.edits += plan.edits.length;
  if (plan.edits.length > 0) note(world, action, tally);
  const otherwise = await evaluate(shuffled, action, parsed.parameters, snapshot, context);
  same(
    'edits with the rules in another order',
    sorted(otherwise.kind === 'planned' ? otherwise.simulation.plan.edits : []),
    sorted(plan.edits),
  );
  await thereAndBack(ontology, snapshot, product.simulation, world, state);
}

/** Applies the plan, and finds what the other's state would be; then reverts, and finds what was. */
async function thereAndBack(
  ontology: CompiledOntology,
  snapshot: MemorySnapshot,
  { plan }: Simulation,
  _world: World,
  state: State,
): Promise<void> {
  const before = snapshot.describe();
  const changes = snapshot.apply(plan.edits);
  const expected = new MemorySnapshot(ontology);
  for (const [type, all] of applied(state, plan.edits).objects)
    expected.apply([...all].map(([id, set]): Edit => ({ op: 'create', type, id, set })));
  for (const [link, all] of applied(state, plan.edits).rows)
    expected.apply([...all].map((row): Edit => ({ op: 'link', link, from: row.split(' ')[0] ?? '', to: row.split(' ')[1] ?? '' })));
  same('the state after', snapshot.describe(), expected.describe());
  const { header, parametersText } = plan;
  const history = {
    executionId: 'e',
    actionType: header.actionType,
    actionTypeVersion: 1,
    requirement: header.requirement,
    parametersText,
    changes: changes.map(historyOf),
  };
  const undo = await evaluateRevert(ontology, ontology, history, snapshot, context);
  if (undo.kind === 'invalid') throw new Error(`the plan cannot be taken back: ${JSON.stringify(undo.faults)}`);
  snapshot.apply(undo.simulation.plan.edits);
  same('the state after taking it back', snapshot.describe(), before);
}

/** What edits do to a state, without the product's help. */
function applied(state: State, edits: readonly Edit[]): State {
  const objects = new Map([...state.objects].map(([type, all]) => [type, new Map(all)]));
  const rows = new Map([...state.rows].map(([link, all]) => [link, new Set(all)]));
  for (const edit of edits) {
    if ('link' in edit) {
      const all = rows.get(edit.link) ?? new Set<string>();
      rows.set(edit.link, all);
      if (edit.op === 'link') all.add(`${edit.from} ${edit.to}`);
      else all.delete(`${edit.from} ${edit.to}`);
      continue;
    }
    const all = objects.get(edit.type) ?? new Map();
    objects.set(edit.type, all);
    if (edit.op === 'delete') all.delete(edit.id);
    else {
      const properties = { ...(edit.op === 'create' ? {} : all.get(edit.id)), ...edit.set };
      for (const property of edit.op === 'modify' ? (edit.unset ?? []) : []) delete properties[property];
      all.set(edit.id, properties);
    }
  }
  return { objects, rows };
}

function historyOf({ edit, versionAfter }: AppliedChange): HistoryChange {
  if ('link' in edit) return edit;
  const before = 'before' in edit ? edit.before : null;
  const set = 'set' in edit ? (edit.set ?? null) : null;
  return {
    op: edit.op,
    type: edit.type,
    id: edit.id,
    before,
    set,
    unset: edit.op === 'modify' ? (edit.unset ?? null) : null,
    versionAfter,
  };
}

export function snapshotOf(ontology: CompiledOntology, state: State): MemorySnapshot {
  const snapshot = new MemorySnapshot(ontology);
  for (const [type, all] of state.objects) snapshot.apply([...all].map(([id, set]): Edit => ({ op: 'create', type, id, set })));
  for (const [link, all] of state.rows)
    snapshot.apply([...all].map((row): Edit => ({ op: 'link', link, from: row.split(' ')[0] ?? '', to: row.split(' ')[1] ?? '' })));
  return snapshot;
}

function withRulesShuffled(world: World, seed: number): World {
  const dice = new Dice(seed + 1);
  const shuffle = (rules: readonly Rule[]): Rule[] =>
    rules
      .map((rule) => ({
        at: dice.roll(1_000),
        rule:
          rule.do === 'forEach'
            ? { ...rule, rules: shuffle(rule.rules) }
            : rule.do === 'if'
              ? { ...rule, yes: shuffle(rule.yes), no: shuffle(rule.no) }
              : rule,
      }))
      .sort((left, right) => left.at - right.at)
      .map(({ rule }) => rule);
  return {
    ...world,
    actions: Object.fromEntries(Object.entries(world.actions).map(([name, action]) => [name, { ...action, rules: shuffle(action.rules) }])),
  };
}

function note(world: World, action: string, tally: Tally): void {
  const count = (what: string) => {
    tally.seen[what] = (tally.seen[what] ?? 0) + 1;
  };
  const visit = (rule: Rule) => {
    count(rule.do === 'forEach' ? `forEach ${rule.over.over}` : rule.do);
    if ('type' in rule && world.shapes[rule.type]) count('rule over an interface');
    if ('set' in rule) {
      for (const property of Object.keys(rule.set)) count(`value ${world.types[rule.type]?.fields[property]?.kind ?? 'of an interface'}`);
    }
    for (const inner of rule.do === 'forEach' ? rule.rules : rule.do === 'if' ? [...rule.yes, ...rule.no] : []) visit(inner);
  };
  for (const rule of world.actions[action]?.rules ?? []) visit(rule);
}

function sorted(edits: readonly Edit[]): string {
  return edits
    .map((edit) => canonicalText(edit))
    .sort()
    .join('\n');
}

export function same(what: string, product: string, other: string): void {
  if (product !== other) throw new Error(`${what}: the product has\n${product}\nand the other\n${other}`);
}
