import type { CompiledActionType, CompiledLinkType, CompiledObjectType, CompiledOntology } from '../ontology/compiled-ontology.ts';
import type { JsonObject } from '../ontology/json.ts';
import { type IndexChange, indexChanges } from './index-builds.ts';

/** What the database is given of a document: its text, and what the door itself reads of it. The argument of the database's `keep_definitions`. */
export interface DefinitionRows {
  document: string;
  digest: string;
  objectTypes: JsonObject[];
  linkTypes: JsonObject[];
  /** Everything that executions count changes of: object types, and link types with rows of their own. */
  counted: string[];
  actionTypes: JsonObject[];
  /** Against the document in force before. */
  indexes: IndexChange[];
}

/** Pure, so that it can be made when a document is uploaded and be written when its data fits. */
export function definitionRows(before: CompiledOntology | null, after: CompiledOntology): DefinitionRows {
  const links = [...after.linkTypes.values()];
  return {
    document: after.text,
    digest: after.digest,
    objectTypes: [...after.objectTypes.values()].map(objectTypeRow),
    linkTypes: links.map(linkTypeRow),
    counted: [...after.objectTypes.keys(), ...links.filter(({ cardinality }) => cardinality === 'many-to-many').map(({ name }) => name)],
    actionTypes: [...after.actionTypes.values()].map(actionTypeRow),
    indexes: indexChanges(before, after),
  };
}

function objectTypeRow(type: CompiledObjectType): JsonObject {
  return {
    name: type.name,
    definition: type.definition as unknown as JsonObject,
    references: { ...type.references },
    indexed: [...type.indexed],
    unique: [...type.unique],
    key: type.key ?? null,
    minimumApprovals: type.minimumApprovals,
  };
}

function linkTypeRow(link: CompiledLinkType): JsonObject {
  return {
    name: link.name,
    definition: link.definition as unknown as JsonObject,
    cardinality: link.cardinality,
    from: link.from,
    to: link.to,
    via: link.via ?? null,
  };
}

function actionTypeRow(action: CompiledActionType): JsonObject {
  return {
    name: action.name,
    definition: action.definitionText,
    digest: action.definitionDigest,
    surface: action.surface as unknown as JsonObject[],
    floors: action.floors as unknown as JsonObject[],
    ceilings: { ...action.ceilings } as unknown as JsonObject,
  };
}
