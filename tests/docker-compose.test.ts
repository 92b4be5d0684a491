import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { maxConnections } from '../scripts/postgres/embedded-postgres.ts';
import { dynamicConfig } from '../scripts/temporal/dynamic-config.ts';
import { searchAttributes } from '../scripts/temporal/search-attributes.ts';

const root = dirname(import.meta.dirname);
const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
const compose = parse(text, { merge: true });

/** The compose specification's own schema, as the linter's package carries it. */
function composeSchema() {
  const linter = dirname(createRequire(import.meta.url).resolve('dclint/package.json'));
  const schema = JSON.parse(readFileSync(join(linter, 'schemas', 'compose.schema.json'), 'utf8'));
  return { ...schema, $schema: 'http://json-schema.org/draft-07/schema#' };
}

const ajv = new Ajv({ strict: false, allErrors: true });
addFormats.default(ajv);
const validate = ajv.compile(composeSchema());

describe('docker-compose.yml', () => {
  it('is valid by the schema of the compose specification', () => {
    expect(validate(compose) ? [] : validate.errors).toEqual([]);
  });

  it('would be refused with a key that the specification does not know', () => {
    const broken = structuredClone(compose);
    broken.services.api.entrypiont = ['node'];
    expect(validate(broken)).toBe(false);
  });

  it('pins every image to a version', () => {
    const images = Object.values<{ image?: string }>(compose.services).flatMap(({ image }) => image ?? []);
    expect(images.length).toBeGreaterThan(0);
    for (const image of images) expect(image).toMatch(/:\d+\.\d+/);
  });

  it('waits only for services that exist', () => {
    for (const service of Object.values<{ depends_on?: Record<string, unknown> }>(compose.services)) {
      for (const name of Object.keys(service.depends_on ?? {})) expect(Object.keys(compose.services)).toContain(name);
    }
  });

  it('registers the search attributes that the workflows set', () => {
    for (const [name, type] of Object.entries(searchAttributes)) expect(text).toContain(`${name}=${type}`);
  });

  it('sets Temporal to what the servers that tests run against are set to', () => {
    const { content } = compose.configs['temporal-dynamic-config'];
    expect(parse(content)).toEqual(Object.fromEntries(Object.entries(dynamicConfig).map(([name, value]) => [name, [{ value }]])));
  });

  it('lets as many connections into PostgreSQL as the server that tests run against', () => {
    expect(compose.services.postgres.command).toEqual(['postgres', '-c', `max_connections=${maxConnections}`]);
  });

  it('lets whoever runs it say for how long the relay keeps events', () => {
    expect(compose.services.relay.environment.EXEQUATUR_EVENTS_KEPT_DAYS).toMatch(/^\$\{EXEQUATUR_EVENTS_KEPT_DAYS:-\d+\}$/);
  });

  it('lets only the migrator and the maker of roles be the superuser', () => {
    const superusers = Object.entries(compose.services).filter(([, service]) =>
      Object.values((service as { environment?: Record<string, string> }).environment ?? {}).some((value) =>
        String(value).includes('${POSTGRES_PASSWORD'),
      ),
    );
    expect(superusers.map(([name]) => name)).toEqual(['postgres', 'temporal-role', 'migrate']);
  });

  it('runs a witness that shares no setting of the relay but where to listen, and keeps what it cosigned', () => {
    const { witness, relay } = compose.services;
    expect(Object.keys(witness.environment).filter((name) => name in relay.environment)).toEqual(['EXEQUATUR_HOST']);
    expect(witness.volumes).toEqual([`witness-data:${witness.environment.EXEQUATUR_WITNESS_STORE}`]);
    expect(Object.keys(compose.volumes)).toContain('witness-data');
  });

  it('holds no password', () => {
    expect(text).not.toMatch(/PASSWORD: (?!\$\{)\S/);
  });
});
