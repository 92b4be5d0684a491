import { canonicalText } from '../../ontology/canonical-json.ts';
import { readPlan } from '../../ontology/canonical-plan.ts';
import type { OntologyDocument } from '../../ontology/definition.ts';
import type { JsonObject } from '../../ontology/json.ts';
import type { LampShop } from '../workflows/lamp-shop.ts';
import { SequentialChecks } from './sequential-checks.ts';
import { type Conflict, SequentialWorld, type Things } from './sequential-world.ts';

type Asked = Pick<LampShop, 'query'>;

/** Every object, and every link as a thing without properties. */
export async function objectsOf(shop: Asked): Promise<Things> {
  const rows = await shop.query<{ key: string; properties: JsonObject }>(
    `SELECT type || ' ' || id AS key, properties FROM exequatur.object WHERE alive
     UNION ALL SELECT link || ' ' || from_id || ' ' || to_id, '{}' FROM exequatur.link WHERE alive`,
  );
  return new Map(rows.map(({ key, properties }) => [key, properties]));
}

/** What the audit log tells of an execution. */
export interface Entry {
  type: 'proposal.executed' | 'execution.applied' | 'execution.undone';
  execution: string;
  atMs: number;
  bytes: Buffer;
  /** What the engine found in the way of taking it back. */
  told: Conflict[] | null;
  /** Of what was undone: checks that did not hold. */
  refused: string[];
  /** Whether an operator had said by then to leave that as it is. */
  skipped: boolean;
  /** Whether an operator ended the proposal with what was not taken back by then. */
  left: boolean;
}

function entriesOf(shop: Asked): Promise<Entry[]> {
  const said = (type: string, facts: string) =>
    `EXISTS (SELECT FROM exequatur.audit_entry o WHERE o.tenant_id = x.tenant_id AND o.proposal_id = x.proposal_id AND o.type = '${type}' AND convert_from(o.payload, 'UTF8')::jsonb @> '${facts}'`;
  return shop.query<Entry & Record<string, unknown>>(
    `SELECT a.type, x.id AS execution, (extract(epoch FROM a.at) * 1000)::float8 AS "atMs", s.conflicts AS told,
            ARRAY(SELECT t.name FROM exequatur.saga_step t WHERE t.tenant_id = x.tenant_id AND t.proposal_id = x.proposal_id AND t.run = s.run AND t.phase = 'check' AND t.state = 'refused') AS refused,
            (SELECT string_agg(c.bytes, ''::bytea ORDER BY c.ordinal) FROM exequatur.plan_chunk c WHERE c.tenant_id = x.tenant_id AND c.plan_id = x.plan_id) AS bytes,
            ${said('proposal.compensating', '{"choice": "skip", "step": "edits"}')} AND o.seq < a.seq) AS skipped, ${said('proposal.failed', '{"choice": "abort"}')}) AS "left"
       FROM exequatur.audit_entry a
       JOIN exequatur.execution x ON x.tenant_id = a.tenant_id AND x.proposal_id = a.proposal_id AND x.id::text = convert_from(a.payload, 'UTF8')::jsonb ->> 'executionId'
       LEFT JOIN LATERAL (SELECT y.run, y.conflicts FROM exequatur.saga y WHERE y.tenant_id = x.tenant_id AND y.proposal_id = x.proposal_id AND y.plan_id = x.plan_id ORDER BY y.run DESC LIMIT 1) s ON true
      WHERE a.type IN ('proposal.executed', 'execution.applied', 'execution.undone') ORDER BY a.seq`,
  );
}

export async function replayed(shop: Asked, document: OntologyDocument): Promise<{ objects: Things; faults: string[] }> {
  return replay(await entriesOf(shop), document);
}

/**
 * The objects that there must be: each plan that was applied, by its own bytes, in the order of the audit log, and each that was undone put back by its before-values, but for what
 * others changed meanwhile or what depends on it, as the model itself finds. It reads no history and no object, and asks the checks of objects itself. `faults` tells where it and the engine found something else.
 */
export function replay(entries: readonly Entry[], document: OntologyDocument): { objects: Things; faults: string[] } {
  const world = new SequentialWorld(document);
  const checks = new SequentialChecks();
  const faults: string[] = [];
  const half = new Set<string>();
  for (const { type, execution, atMs, bytes, told, refused, skipped, left } of entries) {
    const isApplied = world.has(execution); // With effects before it is executed.
    if (isApplied) faults.push(...checks.end(execution, type === 'execution.undone' ? refused : null, atMs));
    if (type === 'execution.undone') {
      const found = world.undo(execution);
      const [ours, theirs] = [wordsOf(found), wordsOf(told ?? [])];
      if (ours !== theirs) faults.push(`what stands in the way of undoing ${execution}: ${ours}, and not ${theirs}`);
      if (found.length > 0 && !skipped) faults.push(`${execution} was undone in part, and nobody said so`);
    } else if (!isApplied) {
      const plan = readPlan([bytes]);
      faults.push(...world.apply(execution, plan.edits));
      checks.begin(execution, plan, atMs);
    }
    checks.look(world.there);
    if (type === 'execution.applied' && !left) half.add(execution);
    else half.delete(execution);
  }
  faults.push(...[...half].map((execution) => `${execution} was applied, and neither executed nor undone`));
  return { objects: world.there, faults };
}

function wordsOf(conflicts: readonly Conflict[]): string {
  const words = conflicts.map(({ type, id, property, because }) => `${property} of ${type} ${id} ${because}`);
  return words.length === 0 ? 'nothing' : words.sort().join(', ');
}

/** Which objects differ, and how. */
export function differencesOf(found: Things, expected: Things): string[] {
  const text = (objects: Things, key: string) => (objects.has(key) ? canonicalText(objects.get(key) as JsonObject) : 'nothing');
  return [...new Set([...found.keys(), ...expected.keys()])].flatMap((key) =>
    text(found, key) === text(expected, key) ? [] : [`${key}: ${text(found, key)}, not ${text(expected, key)}`],
  );
}
