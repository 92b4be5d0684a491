import { describe, expect, it } from 'vitest';
import { afterFailure, disableAfterMs, giveUpAfterMs } from './webhook-patience.ts';

const problem = { code: 'status', message: 'answered 500' };
const fresh = { attempts: 0, triedMs: null, failingMs: null };
const middle = () => 0.5;

describe('an attempt in vain', () => {
  it('is made again after pauses that double up to an hour, and are spread', () => {
    const pauses = Array.from({ length: 40 }, (_, attempts) => afterFailure({ ...fresh, attempts }, problem, middle));
    expect(pauses.slice(0, 4).map((step) => step.what === 'again' && step.pauseMs)).toEqual([5_000, 10_000, 20_000, 40_000]);
    expect(pauses.at(-1)).toEqual({ what: 'again', pauseMs: 3_600_000 });
    const [shortest, longest] = [0, 1].map((drawn) => {
      const step = afterFailure(fresh, problem, () => drawn);
      return step.what === 'again' ? Math.round(step.pauseMs) : undefined;
    });
    expect([shortest, longest]).toEqual([4_000, 6_000]);
  });

  it('waits as long as the receiver asks, up to a day, and never shorter than otherwise', () => {
    const asked = (retryAfterMs: number) => afterFailure(fresh, { ...problem, retryAfterMs }, middle);
    expect([asked(60_000), asked(1), asked(99 * 86_400_000)]).toEqual([
      { what: 'again', pauseMs: 60_000 },
      { what: 'again', pauseMs: 5_000 },
      { what: 'again', pauseMs: giveUpAfterMs },
    ]);
  });

  it('gives the event up after a day, and the subscription after three, or at once where it is gone', () => {
    const tried = { attempts: 30, triedMs: giveUpAfterMs, failingMs: giveUpAfterMs };
    expect(afterFailure({ ...tried, triedMs: giveUpAfterMs - 1 }, problem)).toMatchObject({ what: 'again' });
    expect(afterFailure(tried, problem)).toEqual({ what: 'bury' });
    expect(afterFailure({ ...tried, failingMs: disableAfterMs }, problem)).toEqual({ what: 'disable', reason: 'failing' });
    expect(afterFailure(fresh, { ...problem, gone: true })).toEqual({ what: 'disable', reason: 'gone' });
  });

  it('for which the receiver cannot be blamed gives nothing up', () => {
    const long = { attempts: 99, triedMs: 9 * disableAfterMs, failingMs: 9 * disableAfterMs };
    expect(afterFailure(long, { ...problem, ours: true })).toMatchObject({ what: 'again' });
  });
});
