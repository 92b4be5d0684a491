/** One that permits, and others that forbid by role, action type, size of the plan and amount, as tenants write them. */
export function boundingPolicies(count: number, actionTypes: readonly string[], amount: string): Record<string, string> {
  const forbidding = Array.from({ length: count - 1 }, (_, at): [string, string] => [
    `bound-${at}`,
    `forbid (principal in Role::"role${at % 200}", action == Action::"execute", resource == ActionType::"${actionTypes[at % actionTypes.length]}")
     when { context.plan.edits.total > ${(at * 7) % 1_000} && context.plan.amounts has ${amount} && context.plan.amounts.${amount} > ${(at * 3) % 60} };`,
  ]);
  return Object.fromEntries([['all', 'permit (principal, action, resource);'], ...forbidding]);
}
