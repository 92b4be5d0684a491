/** What a generated tenant's proposals go by, in the model's own words; `document` writes the same for the product. */
import type { JsonValue } from '../../../ontology/json.ts';

export interface Threshold {
  role: string;
  needed: number;
  toleratedDenials: number;
}

export interface Stage {
  thresholds: Threshold[];
  any?: boolean;
  teams?: number;
  /** Asked only of what is larger. */
  above?: number;
}

export interface ApprovalRule {
  stages: Stage[];
  /** One person may stand in several thresholds. */
  shared?: boolean;
  /** Policy alone approves what is no larger. */
  aloneUpTo?: number;
  approvalsLast?: number;
  glass?: GlassRule;
  /** Beside agents, who may propose it; everybody with a role where it says nothing. */
  proposers?: string;
}

/** Who may have it executed with fewer approvals, and how many others must have approved even then. */
export interface GlassRule {
  role: string;
  approvals: number;
  byProposer?: boolean;
  passesWindows?: boolean;
}

const asks = (role: string, needed = 1, toleratedDenials = 0): Threshold => ({ role, needed, toleratedDenials });

/** Minutes. No time that is waited comes within two minutes of any end: the real clock goes on while a sequence is played. */
export const expiresAfter = 57;
export const waits = [5, 10, 25, 40] as const;

/** By action type. */
export const approvalRules: Readonly<Record<string, ApprovalRule>> = {
  pair: { stages: [{ thresholds: [asks('keeper', 2, 1)], teams: 2 }], approvalsLast: 22 },
  staged: {
    stages: [{ thresholds: [asks('keeper')] }, { thresholds: [asks('officer')], above: 3 }],
    approvalsLast: 32,
  },
  crossed: { stages: [{ thresholds: [asks('keeper', 2)], teams: 2 }, { thresholds: [asks('officer')] }] },
  either: {
    stages: [{ thresholds: [asks('officer'), asks('keeper', 2)], any: true }, { thresholds: [asks('keeper', 1, 1)] }],
    shared: true,
  },
  alone: { stages: [{ thresholds: [asks('keeper')] }], aloneUpTo: 3, proposers: 'keeper' },
  urgent: {
    stages: [{ thresholds: [asks('keeper', 2, 1)] }, { thresholds: [asks('officer')] }],
    approvalsLast: 42,
    glass: { role: 'officer', approvals: 1, passesWindows: true },
  },
  night: { stages: [{ thresholds: [asks('officer', 2)] }], glass: { role: 'keeper', approvals: 0, byProposer: true } },
  refill: { stages: [{ thresholds: [asks('keeper')] }, { thresholds: [asks('officer')], above: 4 }] },
  refillAlone: { stages: [{ thresholds: [asks('keeper')] }], aloneUpTo: 3 },
};
export const actionTypes = Object.keys(approvalRules);
/** These write into the one box that there is, so what one does makes the plans of others stale; all others make a slot of their own. */
export const refills = actionTypes.filter((name) => name.startsWith('refill'));
/** Looks at an emergency afterwards. */
export const lookedAtBy = 'keeper';
/** What the box holds in the beginning. */
export const firstFilling = 'nothing';

export interface ExecutionFacts {
  approvals: number;
  size: number;
  proposerRoles: readonly string[];
}

/** A set of policies: what it forbids, and the same in Cedar. */
export interface PolicyRules {
  execution?: (facts: ExecutionFacts) => boolean;
  review?: (facts: { reviewer: string; decision: string }) => boolean;
  proposal?: (facts: { proposer: string }) => boolean;
  cedar: Readonly<Record<string, string>>;
}

const permit = 'permit (principal, action, resource);';
const forbid = (action: string, condition: string) => `forbid (principal, action == Action::"${action}", resource) when { ${condition} };`;

/** Which of them is in force is a number; 0 are the built-in ones. */
export const policySets: readonly PolicyRules[] = [
  { cedar: {} },
  { execution: ({ approvals }) => approvals < 2, cedar: { permit, two: forbid('execute', 'context.approvals < 2') } },
  {
    execution: ({ size }) => size > 4,
    review: ({ reviewer, decision }) => reviewer === 'ann' && decision === 'approve',
    cedar: {
      permit,
      small: forbid('execute', 'context.plan.amounts has size && context.plan.amounts.size > 4'),
      notAnn: forbid('review', 'principal.id == "ann"'),
    },
  },
  {
    execution: ({ proposerRoles }) => proposerRoles.includes('officer'),
    proposal: ({ proposer }) => proposer === 'bot',
    cedar: {
      permit,
      noOfficer: forbid('execute', 'principal in Role::"officer"'),
      noBot: forbid('propose', 'principal.id == "bot"'),
    },
  },
];

const refill = { rule: 'modify', type: 'box', object: 'box', set: { holds: 'code' } };

export function document(): JsonValue {
  const actions = actionTypes.map((name) => [
    name,
    {
      parameters: {
        code: { type: 'string', required: true },
        size: { type: 'integer', required: true },
        ...(refills.includes(name) ? { box: { type: 'reference', to: 'box', required: true } } : {}),
      },
      ...(refills.includes(name)
        ? { rules: [refill] }
        : { rules: [{ rule: 'create', type: 'slot', set: { code: 'code', size: 'size' } }] }),
      approvalPolicy: name,
      ...proposersOf(name),
    },
  ]);
  const text = { type: 'string', required: true };
  const makeBox = {
    parameters: {},
    rules: [{ rule: 'create', type: 'box', set: { name: "'box'", holds: `'${firstFilling}'` } }],
    approvalPolicy: 'byItself',
  };
  const byItself = { stages: [{ name: 'all', thresholds: [{ needed: 1, reviewers: 'true' }] }], expiresAfter: 'PT1H' };
  return {
    objectTypes: {
      slot: { key: 'code', properties: { code: text, size: { type: 'integer' } } },
      box: { key: 'name', properties: { name: text, holds: text } },
    },
    actionTypes: { ...Object.fromEntries(actions), makeBox },
    approvalPolicies: {
      byItself: { ...byItself, automatic: { condition: 'true', ceilings: { edits: 1 } } },
      ...Object.fromEntries(Object.entries(approvalRules).map(([name, rule]) => [name, policyOf(rule)])),
    },
  };
}

function proposersOf(name: string): { proposers?: string } {
  const role = approvalRules[name]?.proposers;
  return role === undefined ? {} : { proposers: `proposer.kind == 'agent' || '${role}' in proposer.roles` };
}

function policyOf({ stages, shared, aloneUpTo, approvalsLast, glass }: ApprovalRule): JsonValue {
  return {
    expiresAfter: `PT${expiresAfter}M`,
    ...(approvalsLast === undefined ? {} : { approvalsLast: `PT${approvalsLast}M` }),
    ...(shared ? { distinctReviewers: false } : {}),
    ...(aloneUpTo === undefined ? {} : { automatic: { condition: `size <= ${aloneUpTo}`, ceilings: { edits: 5 } } }),
    ...(glass === undefined
      ? {}
      : {
          breakGlass: {
            roles: [glass.role],
            approvals: glass.approvals,
            reviewWithin: 'P30D',
            reviewers: `'${lookedAtBy}' in reviewer.roles`,
            ...(glass.byProposer ? { byProposer: true } : {}),
            ...(glass.passesWindows ? { passesFreezeWindows: true } : {}),
          },
        }),
    stages: stages.map(({ thresholds, any, teams, above }, at) => ({
      name: `stage${at}`,
      thresholds: thresholds.map(({ role, needed, toleratedDenials }, index) => ({
        name: `threshold${index}`,
        needed,
        toleratedDenials,
        reviewers: `'${role}' in reviewer.roles`,
      })),
      ...(any ? { require: 'any' } : {}),
      ...(teams === undefined ? {} : { teams }),
      ...(above === undefined ? {} : { when: `size > ${above}` }),
    })),
  };
}
