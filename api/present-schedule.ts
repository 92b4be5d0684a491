import { isRefusal, type Refusal } from '../store/refusal.ts';
import type { ScheduleView } from '../store/schedules.ts';
import type { ApiContext } from './api-context.ts';
import type { AuthenticatedCaller } from './authenticate.ts';
import type { Answer } from './route.ts';

/** A schedule that was written, as the caller sees it. */
export async function presentSchedule(
  written: ScheduleView | Refusal,
  status: 200 | 201 | 202,
  caller: AuthenticatedCaller,
  context: ApiContext,
): Promise<Answer | Refusal> {
  if (isRefusal(written)) return written;
  const body = await context.showAs(caller, (mask) => ({
    ...written,
    parameters: mask.parameters(written.actionType, written.parameters),
  }));
  if (isRefusal(body)) return body;
  return { status, body, ...(status === 201 ? { headers: { Location: `/v1/schedules/${written.id}` } } : {}) };
}
