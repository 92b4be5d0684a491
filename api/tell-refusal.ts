import { problems } from '../ontology/problems.ts';
import { type NotedRefusal, noteRefusals } from '../store/note-refusals.ts';
import type { Refusal } from '../store/refusal.ts';
import type { ApiContext } from './api-context.ts';
import type { AuthenticatedCaller } from './authenticate.ts';
import type { Route } from './route.ts';

/** Whether the gate or policies said no, and not what was asked for. */
const isDenial = ({ refused }: Refusal): boolean => problems[refused].kind === 'forbidden';

/**
 * That a call which would have changed something was refused, for the log: before it is answered. Of a proposal, whose path names it, the store has put it on record with
 * what the proposal was. Reads leave nothing.
 */
export async function tellRefusal(
  { method, path, permission }: Route,
  refusal: Refusal,
  { caller, params, body }: { caller: AuthenticatedCaller; params: unknown; body: unknown },
  context: ApiContext,
): Promise<void> {
  if (method === 'get' || permission === 'read' || path.startsWith('/v1/proposals/{')) return;
  const { actionType } = (body ?? {}) as { actionType?: unknown };
  await tellRefusals(
    permission,
    [refusal],
    { caller, named: namedBy(params) ?? (typeof actionType === 'string' ? { subject: actionType } : {}) },
    context,
  );
}

/**
 * Whom or what a path names: what it ends with as the subject, and what that is within under the name of the parameter. Each whole and by itself, since erasing a person finds
 * their id only so.
 */
function namedBy(params: unknown): NotedRefusal['named'] | null {
  const parameters = Object.entries((params ?? {}) as Record<string, string | number>).map(
    ([name, value]) => [name, String(value)] as const,
  );
  const subject = parameters.pop();
  return subject === undefined ? null : { ...Object.fromEntries(parameters), subject: subject[1] };
}

/** The same of several things that one call asks for. */
export async function tellRefusals(
  action: string,
  refusals: readonly Refusal[],
  { caller, named = {} }: { caller: AuthenticatedCaller; named?: NotedRefusal['named'] },
  context: ApiContext,
): Promise<void> {
  const noted: NotedRefusal[] = refusals.filter(isDenial).map(({ refused }) => ({ action, reason: refused, named }));
  if (noted.length > 0) await noteRefusals(context.resources.pool, caller, noted);
}
