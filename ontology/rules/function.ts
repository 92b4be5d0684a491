import type { CompiledRule } from '../compiled-action.ts';
import type { CompiledObjectType } from '../compiled-ontology.ts';
import type { FunctionWrite } from '../definition.ts';
import { groupBy } from '../edit-builder.ts';
import { isStorableText, type JsonValue } from '../json.ts';
import type { ObjectState } from '../object-state.ts';
import type { FunctionEdit, FunctionOutcome, FunctionSnapshot } from '../ontology-function.ts';
import { refuse } from '../refusal.ts';
import { checkValue } from './compute-values.ts';
import { addCreate, defaultOf, generatedId } from './create.ts';
import { OutOfTime, outOfTimeWords, withinOwnTime } from './own-time.ts';
import { countIterations, objectType, type Run } from './run.ts';

type FunctionRule = Extract<CompiledRule, { kind: 'function' }>;

/** Runs a registered function once and takes its edits as if rules had made them, after holding them to what the rule declares. */
export async function runFunction(run: Run, rule: FunctionRule): Promise<void> {
  const outcome = await call(run, rule);
  run.functions[rule.function.name] = rule.function.version;
  if ('refused' in outcome) {
    throw refuse('function_failed', outcome.refused, { pointer: rule.pointer });
  }
  countIterations(run, outcome.edits.length, rule.pointer);
  await loadTargets(run, outcome.edits);
  for (const [at, edit] of outcome.edits.entries()) {
    if (isDeclared(rule.writes, edit)) {
      await takeEdit(run, rule, edit, at);
    } else {
      const written = 'link' in edit ? edit.link : edit.type;
      run.builder.fault('outside_surface', `${rule.function.name} wants to ${edit.op} ${written} beyond what its rule declares`, {
        pointer: rule.pointer,
      });
    }
  }
}

/** A function that throws, or never returns, is a refusal, since it would again; a failing snapshot is not the function's fault and goes on up. */
async function call(run: Run, rule: FunctionRule): Promise<FunctionOutcome> {
  let failure: { cause: unknown } | undefined;
  const guard = async <T>(read: () => Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (cause) {
      failure = { cause };
      throw cause;
    }
  };
  const { recorder } = run;
  const { evaluatedAt, proposer } = run.context;
  try {
    return await withinOwnTime((reading) => {
      const snapshot: FunctionSnapshot = {
        get: (type, ids) => reading(() => guard(() => recorder.get(type, ids).then((found) => readWhole(run, type, found)))),
        query: (type, where) => reading(() => guard(() => recorder.query(type, where).then((found) => readWholeList(run, type, found)))),
        links: (link, end, ids) => reading(() => guard(() => recorder.links(link, end, ids))),
      };
      return rule.function.run({ parameters: structuredClone(run.parameters), evaluatedAt, proposer }, snapshot);
    });
  } catch (error) {
    if (failure) {
      throw failure.cause;
    }
    throw refuse('function_failed', `${rule.function.name} ${wordsOf(error)}`, { pointer: rule.pointer });
  }
}

function wordsOf(error: unknown): string {
  if (error instanceof OutOfTime) return outOfTimeWords;
  return `failed with ${error instanceof Error ? error.name : 'what is no error'}`;
}

/** What a function looks at inside an object cannot be seen, so it has read everything, and may not change it. */
function readWhole(run: Run, type: string, found: Map<string, ObjectState>): Map<string, ObjectState> {
  run.recorder.read(found.values(), run.ontology.objectTypes.get(type)?.properties.keys() ?? []);
  return new Map([...found].map(([id, state]) => [id, structuredClone(state)]));
}

function readWholeList(run: Run, type: string, found: ObjectState[]): ObjectState[] {
  return [...readWhole(run, type, new Map(found.map((state) => [state.id, state]))).values()];
}

async function loadTargets(run: Run, edits: readonly FunctionEdit[]): Promise<void> {
  const targets = edits.flatMap((edit) => (edit.op === 'modify' || edit.op === 'delete' ? [edit] : []));
  for (const [type, mine] of groupBy(targets, (edit) => edit.type)) {
    await run.recorder.get(
      type,
      mine.map((edit) => edit.id),
    );
  }
}

function isDeclared(writes: readonly FunctionWrite[], edit: FunctionEdit): boolean {
  const mine = writes.filter((write) => write.type === ('link' in edit ? edit.link : edit.type) && write.operations.includes(edit.op));
  if (edit.op !== 'modify') {
    return mine.length > 0;
  }
  const touched = [...Object.keys(edit.set ?? {}), ...(edit.unset ?? [])];
  return mine.length > 0 && touched.every((property) => mine.some((write) => write.properties?.includes(property)));
}

async function takeEdit(run: Run, rule: FunctionRule, edit: FunctionEdit, at: number): Promise<void> {
  const { pointer } = rule;
  if ('link' in edit) {
    run.builder.link({ op: edit.op, link: edit.link, from: edit.from, to: edit.to }, pointer);
    return;
  }
  const type = objectType(run, edit.type);
  if (edit.op === 'create') {
    const values = valuesOf(run, type, edit.set, edit.id ?? '', pointer);
    for (const property of type.properties.keys()) {
      if (values.get(property) === undefined) {
        values.set(property, checkValue(run, type, property, defaultOf(type, property), edit.id ?? '', pointer));
      }
    }
    const key = type.key === undefined ? edit.id : String(values.get(type.key) ?? '');
    addCreate(run, type, key ?? generatedId(run, type.name, pointer, String(at)), values, pointer);
    return;
  }
  const state = run.recorder.loaded(edit.type, edit.id);
  if (!state) {
    run.builder.fault('object_missing', `there is no ${edit.type} ${edit.id}`, { pointer, objects: [{ type: edit.type, id: edit.id }] });
    return;
  }
  if (edit.op === 'delete') {
    run.builder.delete(state, pointer);
    return;
  }
  for (const [property, value] of valuesOf(run, type, edit.set ?? {}, edit.id, pointer)) {
    run.builder.modify(state, property, value, pointer);
  }
  for (const property of edit.unset ?? []) {
    run.builder.modify(state, property, checkValue(run, type, property, undefined, edit.id, pointer), pointer);
  }
}

function valuesOf(
  run: Run,
  type: CompiledObjectType,
  set: Record<string, JsonValue>,
  id: string,
  pointer: string,
): Map<string, JsonValue | undefined> {
  const values = new Map<string, JsonValue | undefined>();
  for (const [property, value] of Object.entries(set)) {
    if (type.properties.has(property)) {
      values.set(property, checkValue(run, type, property, value ?? undefined, id, pointer));
    } else {
      const name = isStorableText(property) ? property : '<unprintable>';
      run.builder.fault('invalid_value', `${type.name} has no property ${name}`, { pointer });
    }
  }
  return values;
}
