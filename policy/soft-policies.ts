import { freshCedar } from './cedar-module.ts';

/** Ids of Cedar policies that say of themselves `@enforcement("soft")`. By what Cedar parsed, since the words may stand in a comment as well. */
export function softPolicies(policies: Readonly<Record<string, string>>): string[] {
  const cedar = freshCedar();
  return Object.entries(policies).flatMap(([id, text]) => {
    if (!text.includes('@enforcement')) return [];
    const answer = cedar.policyToJson(text);
    return answer.type === 'success' && answer.json.annotations?.enforcement === 'soft' ? [id] : [];
  });
}
