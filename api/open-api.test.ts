import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { isProblemCode } from '../ontology/problems.ts';
import { openApiDocument } from './open-api.ts';
import { routes } from './routes.ts';

const document = JSON.parse(JSON.stringify(openApiDocument(routes))) as {
  openapi: string;
  paths: Record<string, Record<string, { operationId: string; responses: Record<string, { content?: object }>; security?: object[] }>>;
  components: { schemas: Record<string, unknown> };
};

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    expect(await validator.validate(structuredClone(document))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('holds every route, each under a name of its own', () => {
    const described = Object.values(document.paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
    expect(described.sort()).toEqual(routes.map(({ name }) => name).sort());
    expect(new Set(described).size).toBe(routes.length);
  });

  it('refers to nothing that it does not hold', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(([, name = '']) => name);
    expect(references.length).toBeGreaterThan(0);
    for (const name of references) expect(document.components.schemas).toHaveProperty([name]);
  });

  it('says of every call but the public ones that it needs a token, and how it refuses', () => {
    for (const route of routes) {
      const operation = document.paths[route.path.replaceAll('*}', '}')]?.[route.method];
      if (route.permission === 'public') expect(operation?.security).toEqual([]);
      else
        for (const status of ['400', '401', '403', '500', '503'])
          expect(operation?.responses[status]?.content).toHaveProperty(['application/problem+json']);
      for (const code of route.problems ?? []) expect(isProblemCode(code)).toBe(true);
    }
  });
});
