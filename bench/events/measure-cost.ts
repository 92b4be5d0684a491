import { readProcessorTimes, usedBetween } from '../lifecycle/processor-time.ts';
import type { BenchStack } from '../plan/bench-stack.ts';
import { groupOf, loadItems } from '../plan/load-items.ts';
import { approve, propose } from '../plan/propose.ts';

/** What only the log is told, each by what does nothing in its place: the calls are still made, and come to nothing. */
const onlyForTheLog = [
  { name: 'append_audit', takes: 'entries jsonb', returns: 'bigint', instead: '0::bigint' },
  { name: 'append_entries', takes: 'entries jsonb', returns: 'bigint', instead: '0::bigint' },
  // By whose approval a plan ran the door works out for its entry alone.
  { name: 'tell_approvals', takes: 'p exequatur.proposal, content text, approving uuid[]', returns: 'jsonb', instead: "'{}'::jsonb" },
  { name: 'canonical_facts', takes: 'facts jsonb', returns: 'text', instead: "'{}'::text" },
];
/** What asks at the end of each transaction whether the log tells of what it did: it would refuse all of them. */
const askersOfTheLog = (turn: 'DISABLE' | 'ENABLE') => `
  DO $$
  DECLARE asker record;
  BEGIN
    FOR asker IN SELECT t.tgrelid::regclass AS place, t.tgname AS name FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                  WHERE p.pronamespace = 'exequatur'::regnamespace AND p.proname LIKE 'refuse\\_untold%' LOOP
      EXECUTE format('ALTER TABLE %s ${turn} TRIGGER %I', asker.place, asker.name);
    END LOOP;
  END $$;`;
const dropBoth = `
  ${askersOfTheLog('DISABLE')}
  ${onlyForTheLog
    .map(
      ({ name, takes, returns, instead }) => `
  ALTER FUNCTION exequatur.${name} RENAME TO ${name}_kept;
  CREATE FUNCTION exequatur.${name}(${takes}) RETURNS ${returns} LANGUAGE sql IMMUTABLE AS $$ SELECT ${instead} $$;
  GRANT EXECUTE ON FUNCTION exequatur.${name} TO PUBLIC;`,
    )
    .join('')}
  CREATE FUNCTION exequatur.drop_event() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
  CREATE TRIGGER dropped BEFORE INSERT ON exequatur.outbox FOR EACH ROW EXECUTE FUNCTION exequatur.drop_event();`;
const keepBoth = `
  DROP TRIGGER dropped ON exequatur.outbox;
  DROP FUNCTION exequatur.drop_event();
  ${onlyForTheLog
    .map(
      ({ name }) => `
  DROP FUNCTION exequatur.${name};
  ALTER FUNCTION exequatur.${name}_kept RENAME TO ${name};`,
    )
    .join('')}
  ${askersOfTheLog('ENABLE')}`;

/** Processor time of the database for one lifecycle (propose, simulate, approve, execute), with and without, in milliseconds, one figure each round. */
export async function measureCost(stack: BenchStack, { rounds, lifecycles }: { rounds: number; lifecycles: number }) {
  await loadItems(stack, [1]);
  const figures: { with: number[]; without: number[] } = { with: [], without: [] };
  await measured(stack, lifecycles); // Not counted: statements are planned.
  for (let round = 0; round < rounds; round++) {
    figures.with.push(await measured(stack, lifecycles));
    await stack.superuser.query(dropBoth);
    try {
      await measured(stack, 5); // Statements are planned anew.
      figures.without.push(await measured(stack, lifecycles));
    } finally {
      await stack.superuser.query(keepBoth);
    }
    await measured(stack, 5);
  }
  return figures;
}

async function measured(stack: BenchStack, lifecycles: number): Promise<number> {
  const before = readProcessorTimes();
  for (let turn = 0; turn < lifecycles; turn++) {
    const proposal = await propose(stack, 'shiftPlain', { group: groupOf(1), amount: 1 });
    await approve(stack, proposal);
    const settled = await stack.execute(proposal);
    if (settled.status !== 'executed') throw new Error(`expected executed, found ${settled.status}`);
  }
  return (usedBetween(before, readProcessorTimes()).get("the product's database") ?? Number.NaN) / lifecycles;
}
