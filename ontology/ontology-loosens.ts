import { canonicalText } from './canonical-json.ts';
import type { ChangeCode } from './change-codes.ts';
import type { ApprovalPolicyDefinition, CriterionDefinition, OntologyDocument } from './definition.ts';
import type { OntologyChange } from './diff-ontology.ts';
import { documentGoesBy, type PlannedFact, plannedFacts } from './document-conditions.ts';
import type { JsonValue } from './json.ts';
import { policyLoosens } from './policy-loosens.ts';
import type { Loosening } from './setting-actions.ts';

interface Documents {
  before: OntologyDocument;
  after: OntologyDocument;
  /** What of a plan conditions or policies go by, so that more of it may ask for less. */
  goneBy: readonly PlannedFact[];
}

/** `true`: more can happen afterwards, or less is asked of somebody. */
type Judgement = boolean | ((place: string[], documents: Documents) => boolean);

/**
 * Which changes of an ontology document loosen. What cannot be told is loosening: then a second person looks. A new name by itself does nothing, since nothing writes to it
 * until an action type does, which is a change of its own.
 */
const loosening: Record<ChangeCode, Judgement> = {
  words_changed: false,
  restated: false,
  order_changed: false,
  interface_added: false,
  interface_removed: false,
  // Rules over an interface would make objects of it at once.
  object_type_added: ([, type = ''], { after }) => (after.objectTypes[type]?.implements ?? []).length > 0,
  object_type_removed: ([, type = ''], { before }) => isAnySensitive(before.objectTypes[type]?.properties),
  // One over a reference that there is may delete more with what it links from.
  link_type_added: ([, name = ''], { after }) => (after.linkTypes?.[name]?.onDelete ?? 'refuse') !== 'refuse',
  link_type_removed: true,
  action_type_added: true,
  action_type_removed: ([, name = ''], { before }) => isAnySensitive(before.actionTypes?.[name]?.parameters),
  approval_policy_added: false,
  approval_policy_removed: false,
  // Whoever made the rule for changes one that nobody can fill would shut everybody out, so that takes a second person as well.
  approval_policy_changed: ([, name = ''], documents) =>
    Object.values(documents.before.governance ?? {}).includes(name) || becomesLaxer(documents, name, name),
  readers_changed: true,
  key_changed: true,
  implements_added: true,
  implements_removed: true,
  minimum_approvals_changed: ([, type = ''], { before, after }) =>
    (after.objectTypes[type]?.minimumApprovals ?? 0) < (before.objectTypes[type]?.minimumApprovals ?? 0),
  property_added: false,
  required_property_added: false,
  property_removed: (place, { before }) => isSensitive(valueAt(before, place)),
  type_changed: true,
  required_added: false,
  required_removed: true,
  default_changed: true,
  default_needed: false,
  unit_named: false,
  unit_changed: true,
  indexed_changed: false,
  unique_added: false,
  unique_removed: true,
  sensitive_added: ([kind], { goneBy }) => goneBy.includes('sensitive') || (kind === 'actionTypes' && goneBy.includes('amounts')),
  sensitive_removed: true,
  nullable_added: true,
  nullable_removed: true,
  constraint_narrowed: false,
  constraint_widened: true,
  pattern_changed: true,
  value_added: true,
  value_removed: false,
  reference_retargeted: true,
  cardinality_narrowed: false,
  cardinality_widened: true,
  cardinality_changed: true,
  link_end_changed: true,
  required_end_added: false,
  required_end_removed: true,
  on_delete_changed: true,
  parameter_added: true,
  required_parameter_added: true,
  parameter_removed: true,
  parameter_condition_changed: true,
  parameter_condition_removed: true,
  prefill_changed: true,
  behaviour_changed: (place, documents) => behaviourLoosens(place, documents),
  limit_lowered: false,
  limit_raised: true,
  // Nothing goes there until an action's effect does, which is a change of its own.
  endpoint_added: false,
  endpoint_removed: false,
  endpoint_changed: true,
  governance_changed: true,
  // Longer lets more happen; and whoever made it shorter would have what was just done stay.
  revert_limit_changed: true,
  definition_changed: true,
};

/** What of these changes lets more happen; nothing where a document only tightens. Which facts of a plan the tenant's policies go by is the caller's to say. */
export function ontologyLoosenings(
  before: OntologyDocument,
  after: OntologyDocument,
  changes: readonly OntologyChange[],
  goneByPolicies: readonly PlannedFact[] = [],
): Loosening[] {
  const goneBy = plannedFacts.filter(
    (fact) => goneByPolicies.includes(fact) || documentGoesBy(before, fact) || documentGoesBy(after, fact),
  );
  const documents: Documents = { before, after, goneBy };
  return changes.flatMap(({ pointer, code, message }) => {
    const judgement = loosening[code];
    const place = pointer.split('/').slice(1);
    const loosens = typeof judgement === 'boolean' ? judgement : judgement(place, documents);
    return loosens ? [{ pointer, message }] : [];
  });
}

/** Whoever took away what is sensitive could add it again as what is not, and show what history holds of it. */
function isAnySensitive(definitions: object | undefined): boolean {
  return Object.values(definitions ?? {}).some(isSensitive);
}

function isSensitive(definition: unknown): boolean {
  return typeof definition === 'object' && definition !== null && 'sensitive' in definition && definition.sensitive === true;
}

/** Names in documents have no characters that a pointer would escape. */
function valueAt(document: OntologyDocument, place: readonly string[]): unknown {
  return place.reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], document);
}

function becomesLaxer({ before, after, goneBy }: Documents, former: string, later: string): boolean {
  const [was, is] = [policyOf(before, former), policyOf(after, later)];
  return was === undefined || is === undefined || policyLoosens(was, is, goneBy.includes('approvals'));
}

function policyOf({ approvalPolicies = {} }: OntologyDocument, name: string): ApprovalPolicyDefinition | undefined {
  return Object.hasOwn(approvalPolicies, name) ? approvalPolicies[name] : undefined;
}

/** Of what an action type does and asks, more criteria, a stricter policy, a higher risk where nothing goes by it, and proposers where anybody might propose, only tighten. */
function behaviourLoosens([, name = '', part]: string[], documents: Documents): boolean {
  const [was, is] = [documents.before.actionTypes?.[name], documents.after.actionTypes?.[name]];
  if (was === undefined || is === undefined) return true;
  switch (part) {
    case 'approvalPolicy':
      return becomesLaxer(documents, was.approvalPolicy, is.approvalPolicy);
    case 'criteria':
      return !(was.criteria ?? []).every((criterion) => includes(is.criteria ?? [], criterion));
    case 'proposers':
      return was.proposers !== undefined;
    case 'riskTier':
      return documents.goneBy.includes('riskTier') || tiers.indexOf(is.riskTier ?? 'medium') < tiers.indexOf(was.riskTier ?? 'medium');
    case 'whenRedefined':
      return is.whenRedefined === 'keepVersion';
    default:
      return true;
  }
}

const tiers = ['low', 'medium', 'high'];

function includes(criteria: readonly CriterionDefinition[], { condition }: CriterionDefinition): boolean {
  return criteria.some((other) => canonicalText(other.condition as JsonValue) === canonicalText(condition as JsonValue));
}
