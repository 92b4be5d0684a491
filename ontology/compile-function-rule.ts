import type { CompiledRule } from './compiled-action.ts';
import type { FunctionRule } from './definition.ts';
import { pointerTo } from './json.ts';
import type { RuleContext } from './rule-context.ts';

/** Finds the registered function, and checks that what it may write is there to be written. */
export function compileFunctionRule(context: RuleContext, rule: FunctionRule, base: string, isRepeated: boolean): CompiledRule | undefined {
  if (isRepeated) {
    context.faults.add(base, 'a function runs once for the action, not for each object; let it walk them itself');
  }
  for (const [at, write] of rule.writes.entries()) {
    checkWrite(context, write, pointerTo(base, 'writes', at));
  }
  const found = context.functions.find((candidate) => candidate.name === rule.name && candidate.version === rule.version);
  if (!found) {
    context.faults.addAt(base, ['name'], `no function ${rule.name} of version ${rule.version} is registered`);
    return undefined;
  }
  return { kind: 'function', pointer: base, function: found, writes: rule.writes };
}

function checkWrite({ types, faults }: RuleContext, write: FunctionRule['writes'][number], pointer: string): void {
  const isOfRows = (operation: string) => operation === 'link' || operation === 'unlink';
  if (write.operations.some(isOfRows)) {
    if (types.linkTypes.get(write.type)?.cardinality !== 'many-to-many' || !write.operations.every(isOfRows)) {
      faults.addAt(pointer, ['type'], 'link and unlink are for many-to-many link types, and stand alone');
    }
    return;
  }
  const type = types.objectTypes.get(write.type);
  if (!type) {
    faults.addAt(pointer, ['type'], `there is no object type ${write.type}`);
  }
  for (const [index, property] of (write.properties ?? []).entries()) {
    if (type && (!type.properties.has(property) || (property === type.key && !write.operations.includes('create')))) {
      faults.addAt(pointer, ['properties', index], `${write.type} has no property ${property} that can change`);
    }
  }
  if (write.operations.includes('modify') && (write.properties ?? []).length === 0) {
    faults.addAt(pointer, ['properties'], 'must name what a modify may touch');
  }
}
