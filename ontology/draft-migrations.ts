import { ExpressionError } from './cel/expression.ts';
import { Scope, Vocabulary } from './cel/scope.ts';
import { compileCondition } from './compile-condition.ts';
import { compileOntology } from './compile-ontology.ts';
import type { CompiledOntology } from './compiled-ontology.ts';
import type { Condition } from './condition.ts';
import type { ActionTypeDefinition, MigrationDefinition, ObjectTypeDefinition, OntologyDocument } from './definition.ts';
import { FaultList } from './fault-list.ts';
import { pointerTo } from './json.ts';
import type { RegisteredFunction } from './ontology-function.ts';
import type { Fault } from './plan.ts';

/** What one rule of the document's `migrations` does, ready to select objects and to propose. */
export interface MigrationRule {
  objectType: string;
  /** The generated action type; its only parameter is `objects`. */
  actionType: string;
  /** Which of the objects that do not fit it is for. */
  where: Condition;
  /** Objects in one proposal. */
  batch: number;
}

export type DraftedMigrations =
  /** `ontology` is the document in force with the generated action types beside its own: what the batches run under. */
  { ok: true; ontology: CompiledOntology; rules: MigrationRule[] } | { ok: false; faults: Fault[] };

/** Few enough for one transaction and one plan to stay small, whatever a rule writes. */
const largestBatch = 2_000;

/**
 * Turns the migrations of `next` into action types of the document in force, so that what a batch may touch, whom it asks and how it is taken back come from the code
 * that knows it of every action; new properties of the types that are rewritten are there too, not yet required. Only `proposer` may propose them. Pure; faults point into `next`.
 */
export function draftMigrations(
  current: CompiledOntology,
  next: CompiledOntology,
  proposer: string,
  functions: readonly RegisteredFunction[] = [],
): DraftedMigrations {
  const faults = new FaultList();
  for (const [at, migration] of next.migrations.entries()) checkNames(current, next, migration, at, faults);
  if (!faults.isEmpty) return { ok: false, faults: faults.faults };
  const generated = next.migrations.map((migration) => [nameOf(migration), actionOf(migration, proposer)] as const);
  const document: OntologyDocument = {
    ...current.document,
    objectTypes: Object.fromEntries(Object.entries(current.document.objectTypes).map(([name, type]) => [name, widened(name, type, next)])),
    actionTypes: { ...current.document.actionTypes, ...Object.fromEntries(generated) },
  };
  const compiled = compileOntology(document, functions);
  if (!compiled.ok) return { ok: false, faults: compiled.faults.map((fault) => pointedBack(fault, next.migrations)) };
  const rules = next.migrations.flatMap((migration, at) => compileRule(compiled.ontology, migration, at, faults));
  return faults.isEmpty ? { ok: true, ontology: compiled.ontology, rules } : { ok: false, faults: faults.faults };
}

function checkNames(
  current: CompiledOntology,
  next: CompiledOntology,
  { objectType, set = {}, approvalPolicy }: MigrationDefinition,
  at: number,
  faults: FaultList,
): void {
  const base = pointerTo('/migrations', at);
  const type = current.objectTypes.get(objectType);
  const fault = (steps: string[], message: string) => faults.addAt(base, steps, message);
  if (type === undefined) {
    fault(['objectType'], `the document in force has no object type ${objectType}`);
    return;
  }
  if (!next.objectTypes.has(objectType)) fault(['objectType'], `${objectType} is gone; delete its objects before, by an action`);
  if (next.migrations.findIndex((other) => other.objectType === objectType) < at) fault(['objectType'], `${objectType} has a rule already`);
  if (current.actionTypes.has(nameOf({ objectType }))) fault(['objectType'], `an action type is called ${nameOf({ objectType })}`);
  if (!Object.hasOwn(current.document.approvalPolicies ?? {}, approvalPolicy)) {
    fault(['approvalPolicy'], `the document in force has no approval policy ${approvalPolicy}`);
  }
  const now = next.objectTypes.get(objectType);
  for (const property of Object.keys(set)) {
    const [before, after] = [type.properties.get(property)?.type, now?.properties.get(property)?.type];
    const isRetyped = before !== after || type.references[property] !== now?.references[property];
    if (before !== undefined && after !== undefined && isRetyped)
      fault(['set', property], `${property} cannot hold its new type while the document in force holds; add a new property instead`);
  }
}

/** With the properties that are new in `next`, none of them required yet: so a rule can fill a property that the same upload adds. */
function widened(name: string, type: ObjectTypeDefinition, { document, migrations }: CompiledOntology): ObjectTypeDefinition {
  if (!migrations.some(({ objectType }) => objectType === name)) return type;
  const added = Object.entries(document.objectTypes[name]?.properties ?? {})
    .filter(([property]) => !Object.hasOwn(type.properties, property))
    .map(([property, { required: _, ...definition }]) => [property, definition]);
  return { ...type, properties: { ...type.properties, ...Object.fromEntries(added) } };
}

function nameOf({ objectType }: Pick<MigrationDefinition, 'objectType'>): string {
  return `migrate-${objectType}`;
}

/** `where` stands here as well, so that an object which somebody else brought to fit after it was selected is left as it is. */
function actionOf({ objectType, where, set, unset, approvalPolicy }: MigrationDefinition, proposer: string): ActionTypeDefinition {
  return {
    parameters: {
      objects: {
        type: 'array',
        items: { type: 'reference', to: objectType },
        required: true,
        minItems: 1,
        maxItems: largestBatch,
        distinct: true,
      },
    },
    proposers: `proposer.id == ${JSON.stringify(proposer)}`,
    rules: [
      {
        rule: 'forEach',
        as: 'object',
        in: { list: 'objects' },
        do: [
          {
            rule: 'modify',
            type: objectType,
            object: 'object',
            ...(where === undefined ? {} : { when: where }),
            ...(set === undefined ? {} : { set }),
            ...(unset === undefined ? {} : { unset }),
          },
        ],
      },
    ],
    approvalPolicy,
    limits: { edits: largestBatch },
  };
}

/** What policy alone may approve is held to its ceiling; batches that stay below it ask nobody. */
function batchOf(ontology: CompiledOntology, actionType: string): number {
  return Math.min(largestBatch, ontology.actionTypes.get(actionType)?.policy.automatic?.ceilings.edits ?? largestBatch);
}

function compileRule(ontology: CompiledOntology, migration: MigrationDefinition, at: number, faults: FaultList): MigrationRule[] {
  const { objectType, where = 'true' } = migration;
  const types = new Map([...ontology.interfaces, ...ontology.objectTypes].map(([name, type]) => [name, type.properties]));
  const queried = { type: objectType, properties: types.get(objectType) ?? new Map(), alias: 'object' };
  const outcome = faults.take(compileCondition(new Scope(new Vocabulary(types)), queried, where, pointerTo('/migrations', at, 'where')));
  if (outcome === undefined) return [];
  const actionType = nameOf(migration);
  try {
    return [{ objectType, actionType, where: outcome.template({}), batch: batchOf(ontology, actionType) }];
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    faults.addAt('/migrations', [at, 'where'], error.message);
    return [];
  }
}

/** From the place in the generated action type to the one in `migrations` that it was made from. */
function pointedBack(fault: Fault, migrations: readonly MigrationDefinition[]): Fault {
  const pointer = fault.pointer ?? '';
  const at = migrations.findIndex((migration) => `${pointer}/`.startsWith(`${pointerTo('/actionTypes', nameOf(migration))}/`));
  if (at < 0) return { ...fault, pointer: '/migrations' };
  const within = pointer.slice(pointerTo('/actionTypes', nameOf(migrations[at] as MigrationDefinition)).length);
  const made = /^\/rules\/0\/do\/0(?=\/(?:set|unset|when)(?:\/|$))(.*)$/.exec(within)?.[1];
  const place = made?.replace(/^\/when$/, '/where') ?? (within === '/approvalPolicy' ? within : '');
  return { ...fault, pointer: `${pointerTo('/migrations', at)}${place}` };
}
