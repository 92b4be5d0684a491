import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import { activatePolicies, type PoliciesOutcome, putPolicies } from '../../store/put-policies.ts';
import { LampShop } from './lamp-shop.ts';

const admin: Caller = { id: 'policy-admin', kind: 'user', roles: ['ontology-admin'], tokenIssuedAt: '2026-01-01T00:00:00.000Z' };
let shop: LampShop;
beforeEach(async () => {
  shop = await LampShop.open();
});
afterEach(() => shop?.close());
const refusals = (id: string) =>
  `SELECT count(*)::int AS count FROM exequatur.decision WHERE proposal_id = '${id}' AND action = 'execute' AND outcome = 'refused'`;
const inForce = ({ proposalId }: PoliciesOutcome) => shop.enact(proposalId ?? '');

it.each([
  ['that goes on', {}],
  ['whose successor remembers nothing', { maxCachedWorkflows: 0 }],
])(
  'what policies send back waits without going round in a circle, and is executed once others are in force, by a worker %s',
  async (_, options) => {
    await shop.startWorker({ options });
    await shop.installed('hall');
    const policies = { all: 'permit (principal, action, resource);', not: 'forbid (principal, action == Action::"execute", resource);' };
    await inForce(await shop.write((tx) => putPolicies(tx, { policies, cases: [] }, admin, shop.deps)));
    const id = await shop.started('dim', { lamp: 'hall', level: 40 });
    await expect.poll(() => shop.status(id)).toBe('awaiting_approval');
    await shop.review(id);
    await shop.nudge(id);
    await expect.poll(() => shop.query(refusals(id))).toEqual([{ count: 1 }]);
    await shop.nudge(id);
    expect(await shop.status(id)).toBe('awaiting_approval');
    expect(await shop.query(refusals(id))).toEqual([{ count: 1 }]);

    await inForce(await shop.write((tx) => activatePolicies(tx, 0, admin, shop.deps)));
    const nudges = await shop.query(`SELECT 1 FROM exequatur.nudge WHERE proposal_id = '${id}' AND delivered_at IS NULL`);
    expect(nudges.length).toBeGreaterThan(0); // The relay delivers it; here it is brought at once.
    await shop.nudge(id);
    await expect.poll(() => shop.status(id)).toBe('executed');
  },
);

it('what policy alone approved and policies refuse comes to people by itself', async () => {
  await shop.startWorker();
  const policies = {
    all: 'permit (principal, action, resource);',
    not: 'forbid (principal, action == Action::"execute", resource) when { context.approvals < 1 };',
  };
  await inForce(await shop.write((tx) => putPolicies(tx, { policies, cases: [] }, admin, shop.deps)));
  const id = await shop.started('install', { names: ['stairs'] });
  await expect.poll(() => shop.status(id)).toBe('awaiting_approval');
  expect(
    await shop.query(
      `SELECT requirement -> 'automatic' AS automatic FROM exequatur.plan WHERE id = (SELECT plan_id FROM exequatur.proposal WHERE id = '${id}')`,
    ),
  ).toEqual([{ automatic: false }]);
});
