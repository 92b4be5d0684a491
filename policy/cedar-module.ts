import { createRequire } from 'node:module';
import type * as Cedar from '@cedar-policy/cedar-wasm/nodejs';

/**
 * Instances of Cedar's WebAssembly module. A text nested deeply enough overflows its stack, and an instance that has trapped answers nothing ever after, not even to
 * other tenants. So what somebody sends is looked at in an instance of its own, and one that trapped is thrown away.
 */
export type CedarModule = typeof Cedar;

const load = createRequire(import.meta.url);

export function freshCedar(): CedarModule {
  const path = load.resolve('@cedar-policy/cedar-wasm/nodejs');
  delete load.cache[path];
  return load(path) as CedarModule;
}

/** What `look` finds in a policy as Cedar parsed it; `otherwise` where the text is none, or cannot be read to its end. */
export function lookInto<T>(cedar: CedarModule, text: string, look: (policy: Cedar.PolicyJson) => T, otherwise: T): T {
  try {
    const answer = cedar.policyToJson(text);
    return answer.type === 'success' ? look(answer.json) : otherwise;
  } catch {
    return otherwise;
  }
}
