import { join } from 'node:path';
import { startKafkaBroker } from '../scripts/kafka/kafka-broker.ts';
import { measureCost } from './events/measure-cost.ts';
import { measureDelay } from './events/measure-delay.ts';
import { measureDrain } from './events/measure-drain.ts';
import { readOptions } from './options.ts';
import { benchStack } from './plan/bench-stack.ts';
import { median, printTable, quantile, spread } from './statistics.ts';

/**
 * `npm run bench -- events [--events 50000] [--rate 100] [--seconds 30] [--rounds 5] [--lifecycles 60]`: how fast events that have gathered are published to a real broker
 * by one relay; how long each takes from the commit's call to a consumer, at a constant rate; and what audit log and outbox cost of the database's part in a lifecycle,
 * beside the same lifecycle in a database that keeps neither, in turns.
 */
export async function benchEvents(args: readonly string[]): Promise<void> {
  const { events, rate, seconds, rounds, lifecycles } = readOptions(args, {
    events: 50_000,
    rate: 100,
    seconds: 30,
    rounds: 5,
    lifecycles: 60,
  });
  const directory = join('.exequatur', 'bench', 'events');
  const stack = await benchStack(directory);
  const broker = await startKafkaBroker({ directory: join(directory, 'kafka') });
  try {
    const cost = await measureCost(stack, { rounds, lifecycles });
    const drain = await measureDrain(stack, broker.address, events);
    const delay = await measureDelay(stack, broker.address, { rate, seconds });
    const shares = cost.with.map((ms, at) => 1 - (cost.without[at] ?? Number.NaN) / ms);
    console.log(
      `\n${lifecycles} lifecycles a round, in turns, milliseconds of the database\u2019s processor time for each: median (least\u2013greatest)`,
    );
    printTable([
      ['', 'ms a lifecycle'],
      ['audit log and outbox kept', spread(cost.with, 2)],
      ['neither', spread(cost.without, 2)],
      ['their share', `${(median(shares) * 100).toFixed(0)} %`],
    ]);
    console.log(
      `\n${drain.events} events that had gathered, one relay: ${drain.perSecond.toFixed(0)} a second, the relay\u2019s most memory ${drain.peakMiB} MiB`,
    );
    const [p50, p99] = [quantile(delay.ms, 0.5), quantile(delay.ms, 0.99)];
    console.log(
      `${rate} a second for ${seconds} s, from before the transaction to the consumer: p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`,
    );
    console.log(
      JSON.stringify({ bench: 'events', cost, share: median(shares), drain, delay: { rate, received: delay.ms.length, p50, p99 } }),
    );
  } finally {
    await broker.stop();
    await stack.stop();
  }
}
