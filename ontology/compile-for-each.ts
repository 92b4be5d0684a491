import { objectCelType, objectTypeOf } from './cel/cel-types.ts';
import type { Scope } from './cel/scope.ts';
import { compileCondition } from './compile-condition.ts';
import type { CompiledSource } from './compiled-action.ts';
import type { ForEachRule, LinkStep } from './definition.ts';
import { pointerTo } from './json.ts';
import { itemCelType } from './parameter-shape.ts';
import { expression, namedType, type RuleContext } from './rule-context.ts';

type Found = { source: CompiledSource; celType: string } | undefined;

/** What a loop goes over, and the scope of the rules in it. */
export function compileForEach(
  context: RuleContext,
  scope: Scope,
  rule: ForEachRule,
  base: string,
): { source: CompiledSource; inner: Scope } | undefined {
  if (scope.has(rule.as)) {
    context.faults.addAt(base, ['as'], `${rule.as} is taken`);
    return undefined;
  }
  const found = compileSource(context, scope, rule, pointerTo(base, 'in'));
  return found && { source: found.source, inner: scope.with(rule.as, found.celType) };
}

function compileSource(context: RuleContext, scope: Scope, { in: source, as }: ForEachRule, base: string): Found {
  if ('list' in source) {
    const parameter = Object.hasOwn(context.action.parameters, source.list) ? context.action.parameters[source.list] : undefined;
    const celType = parameter && itemCelType(parameter);
    if (celType === undefined) {
      context.faults.addAt(base, ['list'], parameter ? `${source.list} is no list` : `there is no parameter ${source.list}`);
      return undefined;
    }
    return { source: { kind: 'list', parameter: source.list }, celType };
  }
  if ('query' in source) {
    const named = namedType(context, source.query.type, pointerTo(base, 'query'));
    const queried = named && { type: named.name, properties: named.properties, alias: as };
    const outcome = queried && compileCondition(scope, queried, source.query.where, pointerTo(base, 'query', 'where'));
    const condition = outcome && context.faults.take(outcome);
    return (
      named && condition && { source: { kind: 'query', type: named.name, where: condition.template }, celType: objectCelType(named.name) }
    );
  }
  if ('path' in source) {
    return compilePath(context, scope, source, (at) => pointerTo(base, 'path', at), base);
  }
  return compilePath(context, scope, { path: [source], of: source.of }, () => base, base);
}

/**
 * Which way a link is walked follows from the type of the object it starts at; where both ends have that type, or it is not known because an id is all there is,
 * `reverse` says it.
 */
function compilePath(
  context: RuleContext,
  scope: Scope,
  { path, of: start }: { path: readonly LinkStep[]; of: string },
  pointerOf: (at: number) => string,
  base: string,
): Found {
  const hops: { link: string; forward: boolean }[] = [];
  const first = context.types.linkTypes.get(path[0]?.link ?? '');
  const ends = first ? [first.from, first.to] : [];
  const of = expression(context, scope, start, pointerTo(base, 'of'), {
    type: (celType) => !first || ends.map(objectCelType).includes(celType) || celType === 'string' || celType === 'dyn',
    words: `a ${ends.join(' or a ')}`,
  });
  let reached = of && objectTypeOf(of.type);
  for (const [at, step] of path.entries()) {
    const link = context.types.linkTypes.get(step.link);
    if (!link) {
      context.faults.addAt(pointerOf(at), ['link'], `there is no link type ${step.link}`);
      return undefined;
    }
    if (at > 0 && reached !== link.from && reached !== link.to) {
      context.faults.addAt(pointerOf(at), ['link'], `a ${reached} is no end of ${link.name}`);
      return undefined;
    }
    const isSaid = reached === undefined || link.from === link.to;
    const forward = isSaid ? step.reverse !== true : reached === link.from;
    if (of && step.reverse !== undefined && step.reverse === forward) {
      context.faults.addAt(pointerOf(at), ['reverse'], `a ${reached} is the ${forward ? 'from' : 'to'} end of ${link.name}`);
    }
    hops.push({ link: link.name, forward });
    reached = forward ? link.to : link.from;
  }
  return of && reached !== undefined ? { source: { kind: 'path', of, hops }, celType: objectCelType(reached) } : undefined;
}
