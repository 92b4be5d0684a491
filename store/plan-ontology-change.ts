import { compileOntology } from '../ontology/compile-ontology.ts';
import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import { compareText, type JsonObject, type JsonValue } from '../ontology/json.ts';
import { ontologyLoosenings } from '../ontology/ontology-loosens.ts';
import type { Fault } from '../ontology/plan.ts';
import { type DefinitionRows, definitionRows } from './definition-rows.ts';
import { type Examination, examineUpload } from './examine-upload.ts';
import type { LoadedOntology } from './load-ontology.ts';
import { openFault, runningMigration } from './migrations.ts';
import { findOrphanedPolicies, type PolicyCheck } from './orphaned-policies.ts';
import { isRefusal } from './refusal.ts';
import type { PlannedSetting, SettingChange } from './setting-plan.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

type Deps = Pick<StoreDeps, 'ontologies' | 'policies'>;

/** What the proposal says; `base` is the digest of the document that was in force when it was made. */
export interface OntologyChangeParameters {
  base: string;
  document: JsonValue;
}

/** Of a document that is not the one its author had before them nothing is planned: it would take back what came since, without a word. */
export async function planOntologyChange(
  tx: Tx,
  { base, document }: OntologyChangeParameters,
  proposer: string,
  deps: Deps,
): Promise<PlannedSetting> {
  const compiled = compileOntology(document, deps.ontologies.functions);
  if (!compiled.ok) return { kind: 'invalid', faults: compiled.faults };
  const current = await deps.ontologies.load(tx);
  if (current === null || current.ontology.digest !== base) return { kind: 'invalid', faults: [superseded('ontology')] };
  return planDocument(tx, { current, next: compiled.ontology, document, proposer }, deps);
}

/** Back to the document before, where the one that was put in force then still is. */
export async function planOntologyRevert(
  tx: Tx,
  original: JsonObject,
  before: JsonObject,
  proposer: string,
  deps: Deps,
): Promise<PlannedSetting> {
  const current = await deps.ontologies.load(tx);
  const former = await deps.ontologies.load(tx, Number(before.version));
  if (current === null || former === null || current.ontology.digest !== original.digest)
    return { kind: 'invalid', faults: [superseded('ontology')] };
  const document = former.ontology.document as unknown as JsonValue;
  return planDocument(tx, { current, next: former.ontology, document, proposer }, deps);
}

export function superseded(what: string): Fault {
  return { code: 'setting_changed', message: `other ${what === 'ontology' ? 'definitions are' : `${what} are`} in force since` };
}

/** A document that is to take the place of the one in force. */
export interface DocumentUpload {
  current: LoadedOntology;
  next: CompiledOntology;
  document: JsonValue;
  proposer: string;
}

async function planDocument(tx: Tx, upload: DocumentUpload, deps: Deps): Promise<PlannedSetting> {
  const open = await runningMigration(tx);
  if (open !== null) return { kind: 'invalid', faults: [{ ...openFault(open), code: 'migration_open' }] };
  const orphaned = await findOrphanedPolicies(tx, upload.next, deps);
  if (orphaned.faults.length > 0) return { kind: 'invalid', faults: orphaned.faults };
  const examined = await examineUpload(tx, upload.current, upload.next, upload.proposer, deps);
  if (examined.planned !== null && isRefusal(examined.planned)) return { kind: 'invalid', faults: [...(examined.planned.faults ?? [])] };
  if (examined.planned === null && examined.faults.length > 0) return { kind: 'invalid', faults: examined.faults };
  return { kind: 'planned', change: ontologyChange(upload, examined, orphaned) };
}

/** The change of an examined document that fits, or that its migrations make fit. */
export function ontologyChange(
  { current, next, document }: DocumentUpload,
  examined: Examination,
  policies: Pick<PolicyCheck, 'version' | 'goneBy'>,
): SettingChange {
  const { changes, marks, planned } = examined;
  const migrates = planned !== null && !isRefusal(planned) ? planned : null;
  const rewritten = { pointer: '/migrations', message: 'objects that do not fit are rewritten' };
  const before = migrates?.working ?? current.ontology;
  return {
    setting: 'ontology',
    id: 'ontology',
    before: { version: current.version, digest: current.ontology.digest },
    set: {
      digest: next.digest,
      changes: changes as unknown as JsonObject[],
      definitions: jsonOf(definitionRows(before, next)),
      ...(migrates === null
        ? {}
        : {
            migration: {
              document: JSON.stringify(document),
              working: jsonOf(definitionRows(current.ontology, migrates.working)),
              restore: jsonOf(definitionRows(migrates.working, current.ontology)),
              rules: migrates.rules.map(({ objectType, actionType, objects }) => ({ objectType, actionType, objects })),
            },
          }),
    },
    loosens: [
      ...ontologyLoosenings(current.ontology.document, next.document, changes, policies.goneBy),
      ...(migrates === null ? [] : [rewritten]),
    ],
    revertible: migrates === null,
    counters: { ...countersOf(marks), $ontology: current.version, $policies: policies.version },
  };
}

function jsonOf(rows: DefinitionRows): JsonObject {
  return rows as unknown as JsonObject;
}

/** Of each type that the changes concern, how many executions had written it: `store/look-at-data.ts`. */
function countersOf(marks: string): Record<string, number> {
  return Object.fromEntries(
    marks
      .split(',')
      .filter((mark) => mark !== '')
      .map((mark) => {
        const [type = '', counter] = mark.split(' ');
        return [type, Number(counter)];
      }),
  );
}

/** The opposite, for who compares. */
export function marksOf(counters: Readonly<Record<string, number>>): string {
  return Object.entries(counters)
    .filter(([type]) => !type.startsWith('$'))
    .sort(([left], [right]) => compareText(left, right))
    .map(([type, counter]) => `${type} ${counter}`)
    .join(',');
}
