import { toCel } from '../cel/cel-values.ts';
import { ObjectView, objectOf } from '../cel/object-view.ts';
import type { CompiledRule, CompiledSource } from '../compiled-action.ts';
import type { CompiledLinkType } from '../compiled-ontology.ts';
import { groupBy } from '../edit-builder.ts';
import { compareText, type JsonValue } from '../json.ts';
import type { ObjectState } from '../object-state.ts';
import { countIterations, idFrom, type Pass, type Run, statesFrom, viewOf } from './run.ts';

type ForEach = Extract<CompiledRule, { kind: 'forEach' }>;

/** The passes of the inner rules: one for each object or item, for each pass around. */
export async function enterLoop(run: Run, rule: ForEach, passes: readonly Pass[]): Promise<Pass[]> {
  const { source, variable } = rule;
  if (source.kind === 'list') {
    return enterList(run, rule, source.parameter, passes);
  }
  const found =
    source.kind === 'query'
      ? await Promise.all(passes.map((pass) => run.recorder.query(source.type, source.where(pass.frame))))
      : await walk(run, source, passes);
  return passes.flatMap((pass, at) => {
    const states = found[at] ?? [];
    countIterations(run, states.length, rule.pointer);
    return states.map((state) => inner(pass, variable.name, viewOf(run, variable, state), state.id));
  });
}

function inner(pass: Pass, name: string, value: unknown, key: string): Pass {
  const frame = Object.create(pass.frame) as Record<string, unknown>;
  frame[name] = value;
  return { frame, key: `${pass.key}/${key}` };
}

async function enterList(run: Run, rule: ForEach, parameter: string, passes: readonly Pass[]): Promise<Pass[]> {
  const items = (run.parameters[parameter] ?? []) as JsonValue[];
  const definition = run.action.definition.parameters[parameter];
  if (definition?.type !== 'array') {
    throw new Error(`${parameter} is no list`);
  }
  const of = definition.items;
  let values: unknown[];
  if (of.type === 'reference') {
    const states = await run.recorder.get(of.to, items as string[]);
    values = items.map((id) => viewOf(run, rule.variable, states.get(id as string) as ObjectState));
  } else {
    values = items.map((item) => toCel(of, item));
  }
  countIterations(run, passes.length * items.length, rule.pointer);
  return passes.flatMap((pass) => values.map((value, at) => inner(pass, rule.variable.name, value, String(at))));
}

/** The objects linked to each pass's start, by one question for all passes. */
function walk(run: Run, source: Extract<CompiledSource, { kind: 'link' }>, passes: readonly Pass[]): Promise<ObjectState[][]> {
  const link = run.ontology.linkTypes.get(source.link);
  if (!link) {
    throw new Error(`the compiled ontology has no link type ${source.link}`);
  }
  if (link.via === undefined) {
    return walkRows(run, link, source, passes);
  }
  return source.forward ? walkToMany(run, link, link.via, source, passes) : walkToOne(run, link, link.via, source, passes);
}

async function walkToMany(
  run: Run,
  link: CompiledLinkType,
  via: string,
  source: Extract<CompiledSource, { kind: 'link' }>,
  passes: readonly Pass[],
): Promise<ObjectState[][]> {
  const starts = passes.map((pass) => idFrom(source.of, pass));
  const ids = [...new Set(starts)].sort(compareText);
  if (ids.length === 0) {
    return [];
  }
  const where =
    ids.length === 1 ? { property: via, op: 'eq' as const, value: ids[0] as string } : { property: via, op: 'in' as const, values: ids };
  const linked = await run.recorder.query(link.to, where);
  if (ids.length > 1) {
    run.recorder.read(linked, [via]); // What moves from one start to another is selected as before.
  }
  const found = groupBy(linked, (state) => String(state.properties[via]));
  return starts.map((start) => found.get(start) ?? []);
}

async function walkToOne(
  run: Run,
  link: CompiledLinkType,
  via: string,
  source: Extract<CompiledSource, { kind: 'link' }>,
  passes: readonly Pass[],
): Promise<ObjectState[][]> {
  const seen = passes.map((pass) => source.of.compute(pass.frame));
  const starts = seen.every((value) => value instanceof ObjectView)
    ? seen.map(objectOf)
    : await statesFrom(run, link.to, source.of, passes);
  run.recorder.read(starts, [via]);
  const targets = starts.map((start) => start.properties[via]);
  const found = await run.recorder.get(
    link.from,
    targets.filter((id): id is string => typeof id === 'string'),
  );
  return targets.map((id) => {
    const state = typeof id === 'string' ? found.get(id) : undefined;
    return state ? [state] : [];
  });
}

async function walkRows(
  run: Run,
  link: CompiledLinkType,
  source: Extract<CompiledSource, { kind: 'link' }>,
  passes: readonly Pass[],
): Promise<ObjectState[][]> {
  const [near, far] = source.forward ? (['from', 'to'] as const) : (['to', 'from'] as const);
  const starts = passes.map((pass) => idFrom(source.of, pass));
  const rows = starts.length > 0 ? await run.recorder.links(link.name, near, starts) : [];
  const states = await run.recorder.get(
    link[far],
    rows.map((row) => row[far]),
  );
  const byStart = groupBy(rows, (row) => row[near]);
  return starts.map((start) =>
    (byStart.get(start) ?? []).flatMap((row) => {
      const state = states.get(row[far]);
      return state ? [state] : [];
    }),
  );
}
