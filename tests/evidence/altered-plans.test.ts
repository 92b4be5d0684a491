// Plans that whoever administers the database altered, as they are read through the API; on a clone from tests/support/database.ts.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EvidenceScene } from './evidence-scene.ts';

let scene: EvidenceScene;
let id: string;
beforeAll(async () => {
  scene = await EvidenceScene.open();
  id = await scene.act();
});
afterAll(() => scene?.close());

const read = (what = '') => scene.auditor.get(`/v1/proposals/${id}/plan${what}`);
const difference = async () => {
  const { planDigest } = (await scene.auditor.get(`/v1/proposals/${id}`)).body;
  return read(`/difference?from=${planDigest}&to=${planDigest}`);
};
const refused = { status: 409, body: { code: 'plan_altered', type: 'https://exequatur.dev/problems/plan_altered' } };
const inPlan = `FROM exequatur.proposal p WHERE p.id = `;

it.each([
  ['another value', `bytes = convert_to(replace(convert_from(c.bytes, 'UTF8'), '"E', '"X'), 'UTF8')`],
  ['what is no JSON', `bytes = convert_to(replace(convert_from(c.bytes, 'UTF8'), '"', ''), 'UTF8')`],
  ['no text', `bytes = '\\xff00'`],
])(
  'a plan whose bytes became %s is answered as such on every page, also where it was read before, until it is what it was',
  async (_, change) => {
    expect((await read()).status).toBe(200);
    expect((await difference()).status).toBe(200);
    await scene.tamper(
      'CREATE TABLE public.kept AS TABLE exequatur.plan_chunk',
      `UPDATE exequatur.plan_chunk c SET ${change} ${inPlan}'${id}' AND p.plan_id = c.plan_id`,
    );
    expect(await read()).toMatchObject(refused);
    expect(await read('?pageSize=1')).toMatchObject(refused);
    expect(await difference()).toMatchObject(refused);
    await scene.tamper(
      'UPDATE exequatur.plan_chunk c SET bytes = k.bytes FROM public.kept k WHERE (c.plan_id, c.ordinal) = (k.plan_id, k.ordinal)',
      'DROP TABLE public.kept',
    );
    expect((await read()).status).toBe(200);
  },
);
