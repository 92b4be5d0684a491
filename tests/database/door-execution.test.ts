import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { executionGraceMs } from '../../store/proposal-row.ts';
import { apply, begin, refusalOf, storeReads } from './door-scene.ts';
import { doorWorld, passes } from './door-world.ts';

const world = doorWorld();
const { stateHash, renaming, approved, execute } = world;

describe('an execution', () => {
  it('happens once: a repeat returns the stored outcome, a second execution is refused', async () => {
    const planned = await approved([await renaming()]);
    const executionId = randomUUID();
    const first = await world.scene.execute(planned, executionId);
    expect(first).toMatchObject({ executionId, edits: 1, repeated: false });
    const after = await stateHash();
    const repeat = (id: string) => world.scene.as('worker', (client) => apply(client, planned, id));
    expect(await repeat(executionId)).toEqual({ ...first, repeated: true });
    expect(await refusalOf(repeat(randomUUID()))).toBe('XQ009');
    expect(await execute(planned, randomUUID())).toBe('XQ006');
    expect(await stateHash()).toBe(after);
    const { rows } = await world.scene.as('api', (client) =>
      client.query(
        `SELECT (SELECT count(*)::int FROM exequatur.object_history WHERE execution_id = $1) AS history, (SELECT count(*)::int FROM exequatur.outbox WHERE proposal_id = $2 AND type IN ('object.changes', 'proposal.executed')) AS events,
                (SELECT count(*)::int FROM exequatur.audit_entry WHERE proposal_id = $2 AND type = 'proposal.executed') AS audit, (SELECT count(*)::int FROM exequatur.review_consumption WHERE execution_id = $1) AS reviews`,
        [executionId, planned.id],
      ),
    );
    expect(rows).toEqual([{ history: 1, events: 2, audit: 1, reviews: 1 }]);
  });

  it('needs the state executing, which the door alone gives', async () => {
    const planned = await approved([await renaming()]);
    expect(await refusalOf(world.scene.as('worker', (client) => apply(client, planned, randomUUID())))).toBe('XQ006');
    const waiting = await world.scene.plan(await world.scene.propose('rename'), [await renaming()]);
    expect(await execute(waiting)).toBe('XQ006');
    expect(await execute(planned)).toBe(passes);
  });

  it('is refused once its proposal’s time has run out, and the grace that an approval in time has', async () => {
    const planned = await world.scene.plan(await world.scene.propose('rename', { expiresInMs: 60_000 }), [await renaming()]);
    const lasting = await approved([await renaming()]);
    await world.scene.review(planned, 'reviewer');
    await world.scene.approve(planned);
    await world.scene.db.advanceClock(60_000 + executionGraceMs);
    expect(await execute(planned)).toBe('XQ006');
    expect(await execute(lasting)).toBe(passes);
  });

  it('leaves nothing behind when the audit append fails', async () => {
    const planned = await approved([await renaming()]);
    const before = await stateHash();
    const executionId = randomUUID();
    const broken = world.scene.as('worker', async (client) => {
      const entry = await begin(client, planned, executionId);
      return apply(client, planned, executionId, [entry, { ...entry, payload: 'x'.repeat(65_537) }]);
    });
    expect(await refusalOf(broken)).not.toBe(passes);
    expect(await stateHash()).toBe(before);
    expect(await execute(planned, executionId)).toBe(passes);
  });

  it('is told to the audit log as what it is', async () => {
    const planned = await approved([await renaming()]);
    const lying = world.scene.as('worker', async (client) => {
      await begin(client, planned, randomUUID());
      return apply(client, { ...planned, digest: `sha256:${'3'.repeat(64)}` }, randomUUID());
    });
    expect(await refusalOf(lying)).toBe('XQ003');
    expect(await execute(planned)).toBe(passes);
  });

  it('runs in READ COMMITTED alone, and whatever the session’s settings are', async () => {
    const planned = await approved([await renaming()]);
    const within = (settings: string) =>
      refusalOf(
        world.scene.as('worker', async (client) => {
          await client.query(settings);
          const executionId = randomUUID();
          return apply(client, planned, executionId, [await begin(client, planned, executionId)]);
        }),
      );
    await world.scene.as('worker', async (client) => {
      await client.query(`COMMIT; BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL app.tenant = '${world.scene.tenant}'`);
      expect(await refusalOf(begin(client, planned, randomUUID()).then(() => apply(client, planned, randomUUID())))).toBe('XQ014');
    });
    const hostile = `CREATE TEMPORARY TABLE proposal (id uuid); CREATE TEMPORARY TABLE object (id uuid); CREATE TEMPORARY TABLE plan_chunk (id uuid);
                     CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT ''''::bytea';
                     CREATE FUNCTION pg_temp.clock() RETURNS timestamptz LANGUAGE sql AS 'SELECT ''-infinity''::timestamptz';
                     SET LOCAL search_path = pg_temp, exequatur, pg_catalog; SET LOCAL TimeZone = 'Pacific/Apia'; SET LOCAL DateStyle = 'SQL, DMY'; SET LOCAL transform_null_equals = on;
                     SET LOCAL standard_conforming_strings = off; SET LOCAL bytea_output = 'escape'`;
    expect(await within(hostile)).toBe(passes);
    expect(await refusalOf(world.scene.as('worker', (client) => client.query('SET LOCAL row_security = off; SELECT 1')))).toBe(passes);
    const other = await approved([await renaming()]);
    const open = world.scene.as('worker', async (client) => {
      await client.query('SET LOCAL row_security = off');
      return apply(client, other, randomUUID());
    });
    expect(await refusalOf(open)).toBe('42501');
    expect(await execute(other)).toBe(passes);
  });
});

describe('freshness', () => {
  const readSet = async (versions: number[], found = '') => ({
    counters: {},
    reads: [{ type: 'airport', ids: ['ORD'], properties: ['status'], versions }],
    queries:
      found === ''
        ? []
        : [{ kind: 'objects' as const, type: 'flight', where: { property: 'origin', op: 'eq' as const, value: 'ORD' }, found }],
  });
  const idsHash = (ids: string[]) => createHash('sha256').update(ids.join('\n')).digest('hex');
  const versionOf = async (property: string) => {
    const { rows } = await world.scene.as('api', (client) =>
      client.query<{ v: number }>(
        `SELECT exequatur.property_version(property_versions, $1)::int AS v FROM exequatur.object WHERE type = 'airport' AND id = 'ORD'`,
        [property],
      ),
    );
    return rows[0]?.v as number;
  };

  it('refuses a plan one of whose reads has moved, and takes one whose reads have not', async () => {
    const version = await versionOf('status');
    expect(await execute(await approved([await renaming()], { readSet: await readSet([version - 1]) }))).toBe('XQ001');
    expect(await execute(await approved([await renaming()], { readSet: await readSet([version]) }))).toBe(passes);
    expect(await versionOf('status')).toBe(version); // Another property of the same object moved: no conflict.
  });

  it('refuses a plan whose query would select otherwise, and takes one that selects the same although the type’s counter moved', async () => {
    const version = await versionOf('status');
    expect(await execute(await approved([await renaming()], { readSet: await readSet([version], idsHash(['f1', 'f2', 'f9'])) }))).toBe(
      'XQ001',
    );
    expect(await execute(await approved([await renaming()], { readSet: await readSet([version], idsHash(['f1', 'f2'])) }))).toBe(passes);
  });

  it('counts absences: what was not there and is now makes the plan stale', async () => {
    const absent = { counters: {}, reads: [{ type: 'airport', ids: ['MIA'], properties: ['$'], versions: [0] }], queries: [] };
    const [early, late] = [
      await approved([await renaming()], { readSet: absent }),
      await approved([await renaming('ATL')], { readSet: absent }),
    ];
    expect(await execute(early)).toBe(passes);
    await world.scene.carry('populate', [{ op: 'create', type: 'airport', id: 'MIA', set: { name: 'Miami' } }]);
    expect(await execute(late)).toBe('XQ001');
    await world.scene.carry('populate', [{ op: 'delete', type: 'airport', id: 'MIA', before: { name: 'Miami' } }]);
    expect(await execute(late)).toBe('XQ001'); // Deleted again is not as if it had never been.
  });

  it('asks the newest read set recorded for the digest', async () => {
    const version = await versionOf('status');
    const planned = await approved([await renaming()], { readSet: await readSet([version - 1]) });
    expect(await execute(planned)).toBe('XQ001');
    await world.scene.as('worker', async (client) => storeReads(client, world.scene.tenant, planned.planId, await readSet([version]), 1));
    expect(await execute(planned)).toBe(passes);
  });
});
