import { writePlan } from '../../ontology/canonical-plan.ts';
import { compileOntology } from '../../ontology/compile-ontology.ts';
import { evaluate } from '../../ontology/evaluate.ts';
import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import { MemorySnapshot } from '../../ontology/memory-snapshot.ts';
import type { Principal } from '../../ontology/principal.ts';
import { isoTime } from '../../store/proposal-row.ts';
import { readEdits } from '../../store/read-plan.ts';
import type { Sql } from '../../store/sql.ts';

interface Executed {
  actionType: string;
  actionTypeVersion: number;
  parameters: string;
  proposer: Principal;
  revisionSeed: string;
  evaluatedAt: string;
  planId: string;
  digest: string;
  edits: number;
}

/**
 * What was executed, done again one action after another in memory, in the order of the commits. Where each comes to the plan that was executed, and all of them
 * to the state that is there, what happened at once equals doing it in that order. Empty when it does; else what differs.
 */
export async function differencesFromSerial(sql: Sql, tenant: string, document: JsonValue): Promise<string[]> {
  const compiled = compileOntology(document);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  const model = new MemorySnapshot(compiled.ontology);
  const differences: string[] = [];
  for (const [at, executed] of (await readExecuted(sql)).entries()) {
    const told = `${at}: ${executed.actionType} ${executed.parameters}`;
    const outcome = await evaluate(compiled.ontology, executed.actionType, JSON.parse(executed.parameters) as JsonObject, model, {
      ...executed,
      tenant,
    });
    if (outcome.kind === 'invalid') {
      differences.push(`${told} would be invalid: ${JSON.stringify(outcome.faults)}`);
    } else if (writePlan(outcome.simulation.plan).digest !== executed.digest) {
      differences.push(`${told} would be ${JSON.stringify(outcome.simulation.plan.edits)}`);
    }
    model.apply(await readEdits(sql, executed.planId, 0, executed.edits));
  }
  const [expected, found] = [model.describe().split('\n'), await describeState(sql)];
  differences.push(...found.filter((line) => !expected.includes(line)).map((line) => `is there, and should not be: ${line}`));
  differences.push(...expected.filter((line) => line && !found.includes(line)).map((line) => `should be there, and is not: ${line}`));
  return differences;
}

/** The audit append is the last statement before COMMIT, so its sequence is the order of the commits. */
function readExecuted(sql: Sql): Promise<Executed[]> {
  return sql.rows<Executed>(
    `SELECT p.action_type AS "actionType", p.action_type_version AS "actionTypeVersion", p.parameters, p.revision_seed AS "revisionSeed",
            jsonb_build_object('id', p.proposer_id, 'kind', p.proposer_kind, 'roles', to_jsonb(p.proposer_roles)) AS proposer,
            ${isoTime('p.evaluated_at')} AS "evaluatedAt", x.plan_id::text AS "planId", x.digest, x.edits::int AS edits
       FROM exequatur.execution x
       JOIN exequatur.proposal p ON p.tenant_id = x.tenant_id AND p.id = x.proposal_id
       JOIN exequatur.audit_entry e ON e.tenant_id = x.tenant_id AND e.proposal_id = x.proposal_id AND e.type = 'proposal.executed'
      ORDER BY e.seq`,
  );
}

/** The same text as that of MemorySnapshot.describe. */
async function describeState(sql: Sql): Promise<string[]> {
  const found = await sql.rows<{ row: JsonValue[] }>(
    `SELECT jsonb_build_array(o.type, o.id, o.properties) AS row FROM exequatur.object o WHERE o.alive
     UNION ALL SELECT jsonb_build_array(l.link, l.from_id, l.to_id) FROM exequatur.link l WHERE l.alive`,
  );
  return found.map(({ row }) =>
    JSON.stringify(row, (_, value) =>
      value !== null && typeof value === 'object' && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)))
        : value,
    ),
  );
}
