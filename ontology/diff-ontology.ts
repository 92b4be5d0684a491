import type { CompiledOntology } from './compiled-ontology.ts';
import { defaultEditLimit, type OntologyDocument } from './definition.ts';
import { fields, parameters, words } from './diff-definition.ts';
import { change, deep, diffNames, type Judge, type Judges, members, named, type OntologyChange, one } from './diff-walk.ts';
import type { JsonObject } from './json.ts';

export type { OntologyChange };

/** What differs between two versions of a tenant's definitions. Without an earlier version everything is new. */
export function diffOntologies(before: CompiledOntology | null, after: CompiledOntology): OntologyChange[] {
  return diffDocuments(before?.document ?? { objectTypes: {} }, after.document);
}

/**
 * The same of two documents, in the order of their pointers. Nothing where they are equal; otherwise every place in which their canonical texts differ is at or below
 * the pointer of an entry. Pure.
 */
export function diffDocuments(before: OntologyDocument, after: OntologyDocument): OntologyChange[] {
  return diffNames(before as unknown as JsonObject, after as unknown as JsonObject, '', sections);
}

/** Whether data or clients may no longer fit. */
export function isBreaking(changes: readonly OntologyChange[]): boolean {
  return changes.some(({ impact }) => impact === 'breaking');
}

const objectType: Judges = {
  ...words,
  key: one('key_changed'),
  implements: members('implements_added', 'implements_removed'),
  properties: fields('stored'),
  minimumApprovals: one('minimum_approvals_changed'),
  sensitiveReaders: one('readers_changed'),
};

const linkType: Judges = {
  ...words,
  from: one('link_end_changed'),
  to: one('link_end_changed'),
  via: one('link_end_changed'),
  cardinality: ({ before, after, pointer }) => [
    change(
      after === 'one-to-one' ? 'cardinality_narrowed' : 'cardinality_widened',
      { pointer, before, after },
      `was ${before}, is ${after}`,
    ),
  ],
  requiredEnds: members('required_end_added', 'required_end_removed'),
  onDelete: (difference) =>
    (difference.before ?? 'refuse') === (difference.after ?? 'refuse') ? [] : [change('on_delete_changed', difference)],
};

/** Links with rows of their own, and links that are properties, are not the same thing in two forms. */
function diffLinkType(before: JsonObject, after: JsonObject, pointer: string): OntologyChange[] {
  if ((before.cardinality === 'many-to-many') !== (after.cardinality === 'many-to-many')) {
    return [change('cardinality_changed', { pointer, before, after }, `was ${before.cardinality}, is ${after.cardinality}`)];
  }
  return diffNames(before, after, pointer, linkType);
}

/** `unset` is the limit where none is named. */
const limit =
  (unset: number): Judge =>
  (difference) => {
    const [was, is] = [difference.before, difference.after].map((value) => (typeof value === 'number' ? value : unset)) as [number, number];
    return was === is ? [] : [change(is < was ? 'limit_lowered' : 'limit_raised', difference)];
  };

const actionType: Judges = {
  ...words,
  parameters,
  limits: ({ before = {}, after = {}, pointer }) =>
    diffNames(before as JsonObject, after as JsonObject, pointer, {
      edits: limit(defaultEditLimit),
      objects: ({ before: was = {}, after: is = {}, pointer: at }) =>
        diffNames(was as JsonObject, is as JsonObject, at, { '*': limit(Number.POSITIVE_INFINITY) }),
    }),
  sensitiveReaders: one('readers_changed'),
  '*': deep('behaviour_changed'),
};

const approvalPolicy: Judges = { ...words, '*': deep('approval_policy_changed') };

const by =
  (judges: Judges) =>
  (before: JsonObject, after: JsonObject, pointer: string): OntologyChange[] =>
    diffNames(before, after, pointer, judges);

const sections: Judges = {
  interfaces: named(one('interface_added'), one('interface_removed'), by({ ...words, properties: fields('stored') })),
  objectTypes: named(one('object_type_added'), one('object_type_removed'), by(objectType)),
  linkTypes: named(one('link_type_added'), one('link_type_removed'), diffLinkType),
  actionTypes: named(one('action_type_added'), one('action_type_removed'), by(actionType)),
  approvalPolicies: named(one('approval_policy_added'), one('approval_policy_removed'), by(approvalPolicy)),
  endpoints: named(one('endpoint_added'), one('endpoint_removed'), (before, after, pointer) =>
    diffNames(before, after, pointer, { ...words, '*': deep('endpoint_changed') }),
  ),
  sensitiveReaders: one('readers_changed'),
  governance: deep('governance_changed'),
  revertWithin: one('revert_limit_changed'),
};
