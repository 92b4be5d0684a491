import { freshCedar } from './cedar-module.ts';

/** Whether each of these policies may let somebody administer at one time and not at another: of administering the context holds the time alone. What cannot be told may. */
export function boundInTime(texts: readonly string[]): boolean[] {
  const cedar = freshCedar();
  return texts.map((text) => {
    try {
      const answer = cedar.policyToJson(text);
      return answer.type !== 'success' || (concernsAdministering(answer.json.action) && mentions(answer.json.conditions, 'context'));
    } catch {
      return true;
    }
  });
}

function concernsAdministering(action: object): boolean {
  const { op, entity, entities } = action as { op: string; entity?: Named; entities?: Named[] };
  if (op === '==') return idOf(entity) === 'administer';
  return op !== 'in' || entities === undefined || entities.some((one) => idOf(one) === 'administer');
}

type Named = { id?: string; __entity?: { id: string } };

function idOf(entity: Named | undefined): string | undefined {
  return entity?.id ?? entity?.__entity?.id;
}

/** Whether an expression names a variable anywhere. Its depth is bounded by what Cedar parses. */
function mentions(expression: unknown, variable: string): boolean {
  if (typeof expression !== 'object' || expression === null) return false;
  return Object.entries(expression).some(([key, value]) => (key === 'Var' ? value === variable : mentions(value, variable)));
}
