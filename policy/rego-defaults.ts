import type { PolicySet } from '../ontology/policy-engine.ts';

const isMember = 'count(input.principal.roles) > 0';
const administers = (settings: string) => `input.action == "administer"\n  input.resource in {${settings}}`;
const holds = (role: string) => `"${role}" in input.principal.roles\n  input.principal.kind != "agent"`;

/** The built-in policies of `default-policies.ts` in Rego. */
export const regoDefaults: PolicySet = {
  key: 'rego-default/1',
  policies: {
    'members-see': `# Every member may read.\npermit if {\n  input.action == "see"\n  ${isMember}\n}`,
    'actors-propose': `# Whoever has a role beyond reading may propose.\npermit if {\n  input.action == "propose"\n  some role in input.principal.roles\n  role != "auditor"\n}`,
    'people-review': `# People with a role may review; the approval policy says whom it asks.\npermit if {\n  input.action == "review"\n  input.principal.kind == "user"\n  ${isMember}\n}`,
    'approved-plans-execute': `# What the approval policy approved may be executed.\npermit if input.action == "execute"`,
    'people-override': `# A person may execute with fewer approvals in an emergency.\npermit if {\n  input.action == "override"\n  input.principal.kind == "user"\n  ${isMember}\n}`,
    'ontology-admins-define': `permit if {\n  ${administers('"ontology", "policies", "subscriptions"')}\n  ${holds('ontology-admin')}\n}`,
    'operators-stop': `permit if {\n  ${administers('"switches", "freezes"')}\n  ${holds('operator')}\n}`,
    'access-admins-keep-principals': `permit if {\n  ${administers('"principals"')}\n  ${holds('access-admin')}\n}`,
    'members-delegate': `permit if {\n  ${administers('"delegations"')}\n  input.principal.kind == "user"\n  ${isMember}\n}`,
  },
};
