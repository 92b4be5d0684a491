import type pg from 'pg';
import { afterAll, beforeAll, expect } from 'vitest';
import { cedar } from '../../policy/cedar.ts';
import { decide } from '../../policy/decide.ts';
import { openPool } from '../../store/connect.ts';
import { OntologyCache } from '../../store/load-ontology.ts';
import { PolicySets } from '../../store/policy-sets.ts';
import { building } from '../store/fixture.ts';
import { ApiScene } from './api-scene.ts';

/** What the worker's steps take. */
export const deps = { decide, ontologies: new OntologyCache([]), policies: new PolicySets(cedar) };

/** For the tests of one file: an API over a building in which no worker runs, so that a test takes its steps, when it likes. */
export function idleScene() {
  const opened = {} as { scene: ApiScene; worker: pg.Pool; superuser: pg.Pool };
  beforeAll(async () => {
    opened.scene = await ApiScene.open();
    opened.worker = openPool(opened.scene.database.urls.worker);
    opened.superuser = openPool(opened.scene.database.urls.superuser, { max: 1 });
    expect((await opened.scene.as({ id: 'ontology-admin-1' }).put('/v1/ontology', building)).status).toBe(201);
  });
  afterAll(async () => {
    await Promise.all([opened.worker?.end(), opened.superuser?.end()]);
    await opened.scene?.close();
  });
  return opened;
}
