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
  const [named] = Object.values((params ?? {}) as Record<string, unknown>);
  const { actionType } = (body ?? {}) as { actionType?: unknown };
  await tellRefusals(permission, [refusal], { caller, subject: named ?? actionType }, context);
}

/** The same of several things that one call asks for. */
export async function tellRefusals(
  action: string,
  refusals: readonly Refusal[],
  { caller, subject }: { caller: AuthenticatedCaller; subject?: unknown },
  context: ApiContext,
): Promise<void> {
  const about = typeof subject === 'string' ? subject.slice(0, longestSubject) : undefined;
  const noted: NotedRefusal[] = refusals.filter(isDenial).map(({ refused }) => ({ action, reason: refused, subject: about }));
  if (noted.length > 0) await noteRefusals(context.resources.pool, caller, noted);
}

const longestSubject = 200;
