import { median, printTable, spread } from '../statistics.ts';
import type { Connected } from './connect-flights.ts';
import type { Evolved } from './evolve-network.ts';
import type { Imported } from './import-network.ts';
import type { RowSecurity } from './row-security.ts';

/** What was measured of one tenant: milliseconds of each operation, one median a round. */
export interface MeasuredTenant {
  objects: number;
  imported: Imported;
  connected: Connected;
  operations: Map<string, number[]>;
  evolved?: { migrated: Evolved; indexed: Evolved };
}

export function reportOntology(
  measured: readonly MeasuredTenant[],
  security: readonly RowSecurity[],
  memory: { peakMiB: Record<string, number>; heapMiB: number },
  overlap: number,
): void {
  const names = [...(measured[0]?.operations.keys() ?? [])];
  const figures = (tenant: MeasuredTenant | undefined, name: string) => tenant?.operations.get(name) ?? [];
  const ratio = (name: string) => median(figures(measured.at(-1), name)) / median(figures(measured[0], name));
  console.log('\nmilliseconds over HTTP, by objects in the tenant: median (least–greatest) of the rounds');
  printTable([
    ['', ...measured.map(({ objects }) => objects.toLocaleString('en')), 'largest / smallest'],
    ...names.map((name) => [name, ...measured.map((tenant) => spread(figures(tenant, name))), ratio(name).toFixed(2)]),
  ]);

  console.log(`\nimport through plans of at most 10,000 edits, ${overlap} under way at once, from the first request to the last commit`);
  printTable([
    [
      'objects',
      'seconds',
      'objects/s',
      'then link rows',
      'rows/s',
      'simulated again',
      'a full batch: request to plan, ms',
      'approval to commit, ms',
    ],
    ...measured.map(({ objects, imported, connected }) => [
      objects.toLocaleString('en'),
      imported.seconds.toFixed(1),
      (objects / imported.seconds).toFixed(0),
      connected.rows.toLocaleString('en'),
      (connected.rows / connected.seconds).toFixed(0),
      String(imported.stale),
      spread(imported.simulate, 0),
      spread(imported.execute, 0),
    ]),
  ]);
  const peaks = Object.entries(memory.peakMiB).map(([part, peak]) => `${part} ${peak} MiB`);
  console.log(`peak resident memory until the last import had ended, with heaps of at most ${memory.heapMiB} MiB: ${peaks.join(', ')}`);

  console.log('\nreads/s in the largest tenant');
  printTable([
    ['', 'row-level security', 'tenant named', 'ratio'],
    ...security.map((one) => [one.query, spread(one.secured, 0), spread(one.explicit, 0), shareOf(one).toFixed(2)]),
  ]);
  reportEvolution(measured);
  console.log(
    JSON.stringify({
      bench: 'ontology',
      operations: Object.fromEntries(
        names.map((name) => [name, { ms: measured.map((tenant) => median(figures(tenant, name))), ratio: ratio(name) }]),
      ),
      objects: measured.map(({ objects }) => objects),
      imports: measured.map(({ objects, imported, connected }) => ({
        objects,
        linkRowsPerSecond: connected.rows / connected.seconds,
        perSecond: objects / imported.seconds,
        simulatedAgain: imported.stale,
      })),
      evolved: measured.map(({ evolved }) => evolved),
      ...memory,
      rowSecurity: security.map((one) => ({ query: one.query, ratio: shareOf(one) })),
    }),
  );
}

function reportEvolution(measured: readonly MeasuredTenant[]): void {
  const rows = measured.flatMap(({ evolved }) =>
    evolved === undefined ? [] : [['filling a new property', evolved.migrated] as const, ['building an index', evolved.indexed] as const],
  );
  console.log('\nuploads over every flight, each beside small actions one after another');
  printTable([
    ['', 'flights', 'answered, ms', 'seconds', 'flights/s', 'longest small action meanwhile, ms'],
    ...rows.map(([name, { objects, answeredMs, seconds, longestMs }]) => [
      name,
      objects.toLocaleString('en'),
      answeredMs.toFixed(0),
      seconds.toFixed(1),
      (objects / seconds).toFixed(0),
      longestMs.toFixed(0),
    ]),
  ]);
}

/** Of rounds that stood beside each other, so that what else the machine did is in both. */
function shareOf({ secured, explicit }: RowSecurity): number {
  return median(secured.map((rate, round) => rate / (explicit[round] ?? Number.NaN)));
}
