import type { JsonObject } from '../../ontology/json.ts';
import type { Plan } from '../../ontology/plan.ts';
import type { Things } from './sequential-world.ts';

interface Baking {
  name: string;
  parcel: string;
  /** Under which a parcel is light. */
  limit: number;
  /** Whether it held after its edits, and then after each change of anybody. */
  held: boolean[];
  bakeMs: number;
  sinceMs: number;
}

/** What the checks of parcels' weights can have found, by the objects of the model from the edits to the end; and whether they were asked for as long as they bake. */
export class SequentialChecks {
  private readonly baking = new Map<string, Baking[]>();

  /** `atMs` is when the plan was applied. */
  begin(execution: string, { header, parametersText }: Plan, atMs: number): void {
    const { parcel } = JSON.parse(parametersText) as JsonObject;
    const checks = (header.checks ?? []).flatMap(({ name, holds, bakeMs = 0 }): Baking[] => {
      const limit = /^parcel\.weight < (\d+)$/.exec(holds ?? '')?.[1];
      return limit === undefined ? [] : [{ name, parcel: `parcel ${parcel}`, limit: Number(limit), held: [], bakeMs, sinceMs: atMs }];
    });
    if (checks.length > 0) this.baking.set(execution, checks);
  }

  look(there: Things): void {
    for (const { parcel, limit, held } of [...this.baking.values()].flat()) held.push(Number(there.get(parcel)?.weight) < limit);
  }

  /** `refused` are the checks that did not hold, by the engine's word; null where all did. */
  end(execution: string, refused: readonly string[] | null, atMs: number): string[] {
    const checks = this.baking.get(execution) ?? [];
    this.baking.delete(execution);
    return checks.flatMap(({ name, held, bakeMs, sinceMs }) => {
      if (refused?.includes(name) && held.every(Boolean)) return [`${execution}: ${name} held all the time`];
      if (refused === null && !held.some(Boolean)) return [`${execution}: ${name} never held`];
      return refused === null && atMs - sinceMs < bakeMs ? [`${execution}: ${name} was asked for ${atMs - sinceMs} ms`] : [];
    });
  }
}
