import { setTimeout as pause } from 'node:timers/promises';
import { holdNudges } from '../store/nudges.ts';
import type { ApiContext, Follow } from './api-context.ts';
import type { AuthenticatedCaller } from './authenticate.ts';

const atOnce = 32; // As many as a tenant that is alone may have under way.
const renewMs = 15_000; // A nudge is held for a minute: one renewal may fail, and another.
const againMs = 1_000;

/**
 * Starts what a batch has proposed, each in its turn: like calls its members wait in front of the engine, where tenants take turns, and keep their place until it is a person's turn. Meanwhile
 * their nudges are held, so that the relay does not start them all. Where this process ends the relay starts them once nobody holds them. Never fails what was committed.
 */
export async function nudgeInTurn(caller: AuthenticatedCaller, members: readonly Follow[], context: ApiContext): Promise<void> {
  const waiting = new Map(members.map((member) => [member.proposalId, member]));
  const renewing = setInterval(() => {
    context.writeAs(caller, async (tx) => holdNudges(tx, [...waiting.keys()])).catch(() => undefined); // The relay takes over, as where this process ended.
  }, renewMs);
  let next = 0;
  const lane = async () => {
    for (let member = members[next++]; member !== undefined; member = members[next++]) {
      if (!(await enter(caller, member, context))) return;
      waiting.delete(member.proposalId);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(atOnce, members.length) }, lane));
  } finally {
    clearInterval(renewing);
  }
}

/** @returns false where nobody waits any more. Who is turned away was accepted, and waits again. */
async function enter(caller: AuthenticatedCaller, member: Follow, context: ApiContext): Promise<boolean> {
  for (;;) {
    if (context.pulse.isStill) await pause(againMs); // Then no place is kept, and these are what finds out that the engine is back.
    if (context.isClosing) return false;
    const outcome = await context.engine.run(caller.tenant, (engine) => context.during({ engine }).nudge(caller, member));
    if (!('turned' in outcome)) return true;
    await pause(againMs);
  }
}
