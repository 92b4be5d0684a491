import type { Expression } from '../cel/expression.ts';
import { ObjectView, objectOf } from '../cel/object-view.ts';
import type { CompiledSource } from '../compiled-action.ts';
import type { CompiledLinkType } from '../compiled-ontology.ts';
import { groupBy } from '../edit-builder.ts';
import { compareText } from '../json.ts';
import type { ObjectState } from '../object-state.ts';
import { countIterations, idFrom, type Pass, type Run, statesFrom } from './run.ts';

type Path = Extract<CompiledSource, { kind: 'path' }>;

/** By the id where a hop starts, the objects that it leads to. */
type Reached = (id: string) => readonly ObjectState[];

/** The objects that several links in a row lead to, for each pass, each once. Every hop is one question for all passes. */
export async function walkPath(run: Run, { of, hops }: Path, passes: readonly Pass[], pointer: string): Promise<ObjectState[][]> {
  let found: ObjectState[][] = [];
  for (const [at, hop] of hops.entries()) {
    const link = run.ontology.linkTypes.get(hop.link);
    if (!link) {
      throw new Error(`the compiled ontology has no link type ${hop.link}`);
    }
    const near = hop.forward ? link.from : link.to;
    const isHeldHere = link.via !== undefined && !hop.forward; // Then the start itself says where the link leads.
    const states = at > 0 ? found.flat() : isHeldHere ? await startsOf(run, near, of, passes) : undefined;
    const starts = at > 0 ? found.map((all) => all.map((state) => state.id)) : passes.map((pass) => [idFrom(of, pass, near)]);
    const reached = await take(run, link, hop.forward, [...new Set(starts.flat())], states ?? []);
    found = starts.map((ids) => distinct(ids.flatMap(reached)));
    countIterations(
      run,
      found.reduce((sum, all) => sum + all.length, 0),
      pointer,
    );
  }
  return found;
}

function distinct(states: readonly ObjectState[]): ObjectState[] {
  return [...new Map(states.map((state) => [state.id, state])).values()];
}

/** What is at hand is not asked for again. */
async function startsOf(run: Run, type: string, of: Expression, passes: readonly Pass[]): Promise<ObjectState[]> {
  const seen = passes.map((pass) => of.compute(pass.frame));
  return seen.every((value) => value instanceof ObjectView) ? seen.map(objectOf) : statesFrom(run, type, of, passes);
}

function take(
  run: Run,
  link: CompiledLinkType,
  forward: boolean,
  ids: readonly string[],
  states: readonly ObjectState[],
): Promise<Reached> {
  if (link.via === undefined) {
    return walkRows(run, link, forward, ids);
  }
  return forward ? walkToMany(run, link, link.via, ids) : walkToOne(run, link, link.via, states);
}

async function walkToMany(run: Run, link: CompiledLinkType, via: string, starts: readonly string[]): Promise<Reached> {
  const ids = [...starts].sort(compareText);
  if (ids.length === 0) {
    return () => [];
  }
  const where =
    ids.length === 1 ? { property: via, op: 'eq' as const, value: ids[0] as string } : { property: via, op: 'in' as const, values: ids };
  const linked = await run.recorder.query(link.to, where);
  if (ids.length > 1) {
    run.recorder.read(linked, [via]); // What moves from one start to another is selected as before.
  }
  const found = groupBy(linked, (state) => String(state.properties[via]));
  return (id) => found.get(id) ?? [];
}

async function walkToOne(run: Run, link: CompiledLinkType, via: string, starts: readonly ObjectState[]): Promise<Reached> {
  run.recorder.read(starts, [via]);
  const targets = new Map(starts.map((start) => [start.id, start.properties[via]]));
  const ids = [...targets.values()].filter((id): id is string => typeof id === 'string');
  const found = await run.recorder.get(link.from, ids);
  return (id) => {
    const target = targets.get(id);
    const state = typeof target === 'string' ? found.get(target) : undefined;
    return state ? [state] : [];
  };
}

async function walkRows(run: Run, link: CompiledLinkType, forward: boolean, starts: readonly string[]): Promise<Reached> {
  const [near, far] = forward ? (['from', 'to'] as const) : (['to', 'from'] as const);
  const rows = starts.length > 0 ? await run.recorder.links(link.name, near, starts) : [];
  const states = await run.recorder.get(
    link[far],
    rows.map((row) => row[far]),
  );
  const byStart = groupBy(rows, (row) => row[near]);
  return (id) =>
    (byStart.get(id) ?? []).flatMap((row) => {
      const state = states.get(row[far]);
      return state ? [state] : [];
    });
}
