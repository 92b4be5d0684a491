import type { CompiledActionType } from '../ontology/compiled-ontology.ts';
import type { ActionTypeDefinition, ApprovalPolicyDefinition, LinkTypeDefinition, ObjectTypeDefinition } from '../ontology/definition.ts';
import type { JsonObject } from '../ontology/json.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

export interface ObjectTypeView {
  name: string;
  definition: ObjectTypeDefinition;
  /** Link types that start or end here, by name. */
  links: Record<string, LinkTypeDefinition>;
}

export interface ActionTypeView {
  name: string;
  version: number;
  definition: ActionTypeDefinition;
  approvalPolicy: ApprovalPolicyDefinition;
  riskTier: string;
  reversible: boolean;
  parametersSchema: JsonObject;
}

type Deps = Pick<StoreDeps, 'ontologies'>;

/** Object types of the current ontology, by name. A tenant without an ontology has none. */
export async function listObjectTypes(tx: Tx, deps: Deps): Promise<ObjectTypeView[]> {
  const loaded = await deps.ontologies.load(tx);
  if (loaded === null) return [];
  const links = [...loaded.ontology.linkTypes.values()];
  return [...loaded.ontology.objectTypes.values()].map(({ name, definition }) => ({
    name,
    definition,
    links: Object.fromEntries(links.filter((link) => link.from === name || link.to === name).map((link) => [link.name, link.definition])),
  }));
}

/** Action types of the current ontology, by name. */
export async function listActionTypes(tx: Tx, deps: Deps): Promise<ActionTypeView[]> {
  const loaded = await deps.ontologies.load(tx);
  if (loaded === null) return [];
  const versions = await tx.rows<{ name: string; version: number }>(
    'SELECT a.name, a.current_version::int AS version FROM exequatur.action_type a WHERE NOT a.retired AND NOT exequatur.governs(a.name)',
  );
  const versionOf = new Map(versions.map(({ name, version }) => [name, version]));
  return [...loaded.ontology.actionTypes.values()].flatMap((type) => {
    const version = versionOf.get(type.name);
    return version === undefined ? [] : [actionTypeView(type, version)];
  });
}

export async function getActionType(tx: Tx, name: string, deps: Deps): Promise<ActionTypeView | Refusal> {
  return (await listActionTypes(tx, deps)).find((type) => type.name === name) ?? refuse('not_found');
}

function actionTypeView(type: CompiledActionType, version: number): ActionTypeView {
  return {
    name: type.name,
    version,
    definition: type.definition,
    approvalPolicy: type.policy,
    riskTier: type.riskTier,
    reversible: type.reversible,
    parametersSchema: type.parametersSchema,
  };
}
