import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Admission } from './admission.ts';

const limits = { atOnce: 2, waitingOfTenant: 4, waiting: 6, longestWaitMs: 60_000 };

/** Calls that end when they are told to. */
function calls(admission: Admission) {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const ask = (tenant: string, name: string) =>
    admission.run(tenant, () => {
      begun.push(name);
      return new Promise<string>((resolve) => ends.push(() => resolve(name)));
    });
  const end = async () => {
    ends.shift()?.();
    await sleep(1);
  };
  return { begun, ask, end };
}

describe('calls', () => {
  it('are worked on at once as many as do good, and tenants take turns', async () => {
    const { begun, ask, end } = calls(new Admission(limits));
    const asked = [ask('a', 'a1'), ask('a', 'a2'), ask('a', 'a3'), ask('a', 'a4'), ask('b', 'b1'), ask('a', 'a5'), ask('b', 'b2')];
    await sleep(1);
    expect(begun).toEqual(['a1', 'a2']);
    for (let left = asked.length; left > 0; left--) await end();
    expect(begun).toEqual(['a1', 'a2', 'a3', 'b1', 'a4', 'b2', 'a5']);
    expect((await Promise.all(asked)).every((outcome) => 'answer' in outcome)).toBe(true);
  });

  it('are turned away at once behind too many of their tenant, or of all', async () => {
    const admission = new Admission(limits);
    const { ask } = calls(admission);
    for (let at = 0; at < 6; at++) void ask('a', `a${at}`);
    expect(await ask('a', 'x')).toEqual({ turned: 'too_many_requests' });
    void ask('b', 'b1');
    void ask('c', 'c1');
    expect(await ask('d', 'x')).toEqual({ turned: 'overloaded' });
    expect(admission.refusal('d')).toBe('overloaded');
    expect(admission.load).toEqual({ atWork: 2, waiting: 6 });
  });

  it('that wait too long are turned away, and nothing of them was done', async () => {
    const { begun, ask } = calls(new Admission({ ...limits, longestWaitMs: 20 }));
    void ask('a', 'a1');
    void ask('a', 'a2');
    expect(await ask('a', 'a3')).toEqual({ turned: 'overloaded' });
    expect(begun).toEqual(['a1', 'a2']);
  });

  it('that only wait for something outside let others be worked on', async () => {
    const admission = new Admission({ ...limits, atOnce: 1 });
    const order: string[] = [];
    const first = admission.run('a', (place) =>
      place.rest(async () => {
        await sleep(20);
        order.push('first');
      }),
    );
    const second = admission.run('a', async () => void order.push('second'));
    await Promise.all([first, second]);
    expect(order).toEqual(['second', 'first']);
    expect(admission.load).toEqual({ atWork: 0, waiting: 0 });
  });

  it('of one tenant alone take all places, and of several an equal part of fewer, so that none waits behind much of another', async () => {
    const { begun, ask, end } = calls(new Admission({ ...limits, atOnce: 4, shared: 2 }));
    for (let at = 1; at <= 6; at++) void ask('a', `a${at}`);
    await sleep(1);
    expect(begun).toEqual(['a1', 'a2', 'a3', 'a4']);
    void ask('b', 'b1');
    void ask('b', 'b2');
    await end(); // Of `a`, which has more than its part.
    expect(begun.slice(4)).toEqual(['b1']);
    for (let left = 4; left > 1; left--) await end();
    expect(begun.slice(5)).toEqual(['a5']); // The others of `a` have ended, and `b` has its part.
    await end();
    expect(begun.slice(6)).toEqual(['b2']);
    await end();
    expect(begun.slice(7)).toEqual(['a6']);
  });

  it('that go on with what was begun come before those that begin something', async () => {
    const admission = new Admission({ ...limits, atOnce: 1 });
    const order: string[] = [];
    const ask = (name: string, kind?: 'goesOn') => admission.run('a', () => sleep(1).then(() => order.push(name)), kind);
    await Promise.all([ask('first'), ask('begins 1'), ask('begins 2'), ask('goes on 1', 'goesOn'), ask('goes on 2', 'goesOn')]);
    expect(order).toEqual(['first', 'goes on 1', 'goes on 2', 'begins 1', 'begins 2']);
  });

  it('that were answered keep their place while what they began goes on', async () => {
    const admission = new Admission({ ...limits, atOnce: 1 });
    let done = () => {};
    const begun = new Promise<void>((resolve) => {
      done = resolve;
    });
    const first = await admission.run('a', (place) => {
      place.keep(() => begun);
      return 'answered';
    });
    expect(first).toEqual({ answer: 'answered' });
    let second = false;
    const next = admission.run('a', () => {
      second = true;
    });
    await sleep(1);
    expect(second).toBe(false);
    done();
    await next;
    expect(admission.load).toEqual({ atWork: 0, waiting: 0 });
  });

  it('that keep their place for what fails, even before they are answered, give it back, and the failure ends nothing', async () => {
    const admission = new Admission({ ...limits, atOnce: 1 });
    const unhandled: unknown[] = [];
    const listen = (error: unknown) => void unhandled.push(error);
    process.on('unhandledRejection', listen);
    try {
      const outcome = await admission.run('a', async (place) => {
        place.keep(() => Promise.reject(new Error('the database is away')));
        await sleep(5);
        return 'answered';
      });
      expect(outcome).toEqual({ answer: 'answered' });
      await sleep(5);
      expect(unhandled).toEqual([]);
      expect(admission.load.atWork).toBe(0);
    } finally {
      process.off('unhandledRejection', listen);
    }
  });

  it('that fail make room as well', async () => {
    const admission = new Admission({ ...limits, atOnce: 1 });
    await expect(
      admission.run('a', async () => {
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(admission.load.atWork).toBe(0);
  });
});
