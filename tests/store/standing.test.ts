// Standing against the real directory tables, on a clone from tests/support/database.ts.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withTenantPrisma } from '../../store/sql.ts';
import { readActors, resolveActor } from '../../store/standing.ts';
import { writeUntold } from '../support/write-untold.ts';
import { caller, type Fixture, openFixture } from './fixture.ts';

let fixture: Fixture;
const resolve = (who: ReturnType<typeof caller>) => fixture.inApi((tx) => resolveActor(tx, who));
const standing = async (id: string) => (await fixture.inWorker((tx) => readActors(tx, [id]))).get(id);
const administer = (sql: string) => fixture.inApi((tx) => tx.rows(sql));

beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.close());

describe('standing', () => {
  it('is fed by a token, lasts without it for its time, and gives nobody a role that the token at hand does not claim', async () => {
    expect(await resolve(caller('ann', ['keeper', 'officer']))).toMatchObject({ roles: ['keeper', 'officer'], disabled: false });
    expect(await resolve(caller('ann', ['keeper']))).toMatchObject({ roles: ['keeper'] });
    expect(await standing('ann')).toMatchObject({ kind: 'user', roles: ['keeper', 'officer'] });
  });

  it('is written once for many requests', async () => {
    const many = await Promise.all(Array.from({ length: 12 }, () => resolve(caller('ben', ['keeper']))));
    expect(many.every(({ roles }) => roles.join() === 'keeper')).toBe(true);
    const before = await administer(`SELECT xmin::text AS written FROM exequatur.standing_role WHERE principal_id = 'ben'`);
    await resolve(caller('ben', ['keeper']));
    expect(await administer(`SELECT xmin::text AS written FROM exequatur.standing_role WHERE principal_id = 'ben'`)).toEqual(before);
  });

  it('loses a removed role for good against tokens issued before, and takes it back from one issued after', async () => {
    await resolve(caller('cleo', ['keeper', 'officer']));
    await writeUntold(
      fixture.database,
      `UPDATE exequatur.standing_role SET removed_at = exequatur.clock() WHERE principal_id = 'cleo' AND role = 'officer'`,
    );
    expect(await resolve(caller('cleo', ['keeper', 'officer']))).toMatchObject({ roles: ['keeper'] });
    expect(await standing('cleo')).toMatchObject({ roles: ['keeper'] });
    const later = new Date(Date.now() + 60_000).toISOString();
    expect(await resolve(caller('cleo', ['officer'], { tokenIssuedAt: later }))).toMatchObject({ roles: ['officer'] });
    expect(await standing('cleo')).toMatchObject({ roles: ['keeper', 'officer'] });
  });

  it('says who is disabled, whatever the token says', async () => {
    await resolve(caller('dan', ['keeper']));
    await writeUntold(fixture.database, `UPDATE exequatur.principal SET disabled = true WHERE id = 'dan'`);
    expect(await resolve(caller('dan', ['keeper']))).toMatchObject({ disabled: true });
  });

  it('is nothing in a tenant that does not exist', async () => {
    const nowhere = await withTenantPrisma(fixture.api, randomUUID(), (tx) => resolveActor(tx, caller('eve', ['keeper'])));
    expect(nowhere).toMatchObject({ disabled: true });
  });

  it('ends thirty days after the last token that claimed it', async () => {
    await resolve(caller('flo', ['keeper']));
    await fixture.database.advanceClock(30 * 86_400_000 + 1_000);
    expect(await standing('flo')).toMatchObject({ roles: [] });
    expect(await resolve(caller('flo', ['keeper']))).toMatchObject({ roles: ['keeper'] });
    expect(await standing('flo')).toMatchObject({ roles: ['keeper'] });
  });
});
