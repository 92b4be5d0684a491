import { freshCedar } from './cedar-module.ts';

/** What each of these Cedar policies does where it applies. Null for a text that is none. */
export function effectsOf(texts: readonly string[]): ('permit' | 'forbid' | null)[] {
  const cedar = freshCedar();
  return texts.map((text) => {
    try {
      const answer = cedar.policyToJson(text);
      return answer.type === 'success' ? answer.json.effect : null;
    } catch {
      return null;
    }
  });
}
