import type { Received, Reply } from '../effects/receiver.ts';

/** How the carrier may misbehave at one request, in the order of what it takes: `handOver` alone has what a wrong body is the answer to, and `watch` what is asked whether it is kept. */
export const replyKinds = [
  'wrong body',
  'not kept',
  'refused',
  'undo refused',
  'slow',
  '500',
  '408',
  '429',
  '503',
  'done, then 503',
  'redirected',
  'done, then redirected',
  'reset before',
  'done, then reset',
] as const;
export type ReplyKind = (typeof replyKinds)[number];

const replies: Record<ReplyKind, Reply> = {
  'wrong body': { body: { nothing: true } },
  'not kept': { status: 404, turnedAway: true },
  refused: { status: 409 },
  'undo refused': { status: 423, turnedAway: true },
  slow: { delayMs: 600 },
  '500': { status: 500 },
  '408': { status: 408 },
  '429': { status: 429, headers: { 'retry-after': '0' } },
  '503': { status: 503, headers: { 'retry-after': '0' } },
  'done, then 503': { status: 503, acts: true },
  redirected: { status: 303, headers: { location: '/elsewhere' } },
  'done, then redirected': { status: 303, headers: { location: '/elsewhere' }, acts: true },
  'reset before': { reset: 'before' },
  'done, then reset': { reset: 'after' },
};

/** Of a hundred requests; the rest are answered as they should be. */
const weights: Partial<Record<ReplyKind, number>> = {
  slow: 4,
  '500': 3,
  '408': 1,
  '429': 1,
  '503': 3,
  'done, then 503': 2,
  redirected: 1,
  'done, then redirected': 1,
  'reset before': 4,
  'done, then reset': 5,
  'wrong body': 2,
  'not kept': 4,
  refused: 4,
  'undo refused': 1,
};

export function replyOf(kind: ReplyKind): Reply {
  return replies[kind];
}

/** What a roll of a hundred says. */
export function rolledReply(roll: number): ReplyKind | null {
  let left = roll;
  for (const kind of replyKinds) {
    left -= weights[kind] ?? 0;
    if (left < 0) return kind;
  }
  return null;
}

/** Whether a request is one at which this can happen. */
export function fits(kind: ReplyKind, { method, path }: Pick<Received, 'method' | 'path'>, isUndo: boolean): boolean {
  if (kind === 'wrong body') return path === '/bookings';
  if (kind === 'not kept') return path.endsWith('/kept');
  if (kind === 'refused') return method !== 'GET' && !isUndo;
  return kind === 'undo refused' ? isUndo : true;
}
