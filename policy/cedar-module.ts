import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { compileFunction } from 'node:vm';
import type * as Cedar from '@cedar-policy/cedar-wasm/nodejs';

/**
 * Instances of Cedar's WebAssembly module. A text nested deeply enough overflows its stack, and an instance that has trapped answers nothing ever after, not even to
 * other tenants. So what somebody sends is looked at in an instance of its own, and one that trapped is thrown away.
 */
export type CedarModule = typeof Cedar;

const load = createRequire(import.meta.url);
// Not among the types of Node.
const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: { Module: new (bytes: Buffer) => object; Instance: unknown } };
let compiled: (() => CedarModule) | null = null;

export function freshCedar(): CedarModule {
  compiled ??= compile();
  return compiled();
}

/**
 * The package's own code makes one instance as it is loaded, and compiles the module (4 MB) for it. Here it is run once for each instance, and handed the one module
 * that this process has compiled: what is compiled lazily is so compiled once, and not for each instance whose module was collected meanwhile.
 */
function compile(): () => CedarModule {
  const path = load.resolve('@cedar-policy/cedar-wasm/nodejs');
  const module = new wasm.Module(readFileSync(join(dirname(path), 'cedar_wasm_bg.wasm')));
  const instantiate = compileFunction(readFileSync(path, 'utf8'), ['exports', 'require', 'WebAssembly', '__dirname'], { filename: path });
  const known = {
    Instance: wasm.Instance,
    Module: function compiledBefore() {
      return module;
    },
  };
  const nothingToRead = () => ({ readFileSync: () => null });
  return () => {
    const exports = {};
    instantiate(exports, nothingToRead, known, '');
    return exports as CedarModule;
  };
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
