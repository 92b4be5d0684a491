import type { PolicySet } from '../ontology/policy-engine.ts';

/**
 * What holds for a tenant that has no policies of its own: what the gate's own rules say, in Cedar. `@explain` is what people are told.
 */
export const defaultPolicies: PolicySet = {
  key: 'default/4',
  policies: {
    'members-see': `@explain("Every member may read.")
permit (principal, action == Action::"see", resource)
when { !principal.roles.isEmpty() };`,
    'actors-propose': `@explain("Whoever has a role beyond reading may propose.")
permit (principal, action == Action::"propose", resource)
when { !principal.roles.isEmpty() && principal.roles != ["auditor"] };`,
    'people-review': `@explain("People with a role may review; the approval policy says whom it asks.")
permit (principal, action == Action::"review", resource)
when { principal.kind == "user" && !principal.roles.isEmpty() };`,
    'approved-plans-execute': `@explain("What the approval policy approved may be executed.")
permit (principal, action == Action::"execute", resource);`,
    'people-override': `@explain("A person may execute with fewer approvals in an emergency; the approval policy says who, and whether at all.")
permit (principal, action == Action::"override", resource)
when { principal.kind == "user" && !principal.roles.isEmpty() };`,
    'ontology-admins-define': `@explain("Ontology administrators change definitions and policies, and say where events go.")
permit (principal in Role::"ontology-admin", action == Action::"administer", resource)
when { [Settings::"ontology", Settings::"policies", Settings::"subscriptions"].contains(resource) && principal.kind != "agent" };`,
    'operators-stop': `@explain("Operators stop what runs, let it go on, and say when nothing may run.")
permit (principal in Role::"operator", action == Action::"administer", resource)
when { [Settings::"switches", Settings::"freezes"].contains(resource) && principal.kind != "agent" };`,
    'access-admins-keep-principals': `@explain("Access administrators keep the directory of principals.")
permit (principal in Role::"access-admin", action == Action::"administer", resource == Settings::"principals")
when { principal.kind != "agent" };`,
    'members-delegate': `@explain("People may hand over what they may do themselves.")
permit (principal, action == Action::"administer", resource == Settings::"delegations")
when { principal.kind == "user" && !principal.roles.isEmpty() };`,
  },
};
