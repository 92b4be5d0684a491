import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { type EventType, events } from '../ontology/events.ts';
import { asyncApiDocument } from './async-api.ts';
import { cloudEventSchema } from './schemas/event-schema.ts';

interface Message {
  name: string;
  headers?: object;
  payload: { $ref?: string };
  examples: { headers?: object; payload: object }[];
}

const document = JSON.parse(JSON.stringify(asyncApiDocument())) as {
  channels: Record<string, { messages: Record<string, object> }>;
  components: { messages: Record<string, Message>; schemas: Record<string, object> };
};
const types = Object.keys(events) as EventType[];

describe('the AsyncAPI document', () => {
  it('is valid AsyncAPI 3.0', () => {
    const specification = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0.json') as object;
    const ajv = new Ajv({ strict: false, allErrors: true, meta: false }); // The specification brings its own.
    addFormats.default(ajv);
    const check = ajv.compile(specification);
    expect(check(document) || ajv.errorsText(check.errors)).toBe(true);
  });

  it('refers to nothing that it does not hold', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = '']) => path);
    expect(references.length).toBeGreaterThan(types.length);
    for (const reference of references) expect(document).toHaveProperty(reference.split('/'));
  });

  it('has every type of the catalogue in every channel, and what is sent to test a subscription in that of webhooks alone', () => {
    for (const [name, { messages }] of Object.entries(document.channels))
      expect(Object.keys(messages).sort(), name).toEqual(types.filter((type) => name === 'webhook' || type !== 'subscription.test').sort());
    expect(Object.keys(document.components.schemas).sort()).toEqual([...types].sort());
  });

  it('gives examples that are what it says, and CloudEvents', () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(ajv);
    ajv.addSchema({ components: document.components, $id: 'asyncapi' });
    const fits = (schema: unknown, value: unknown) => {
      const check = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"asyncapi#/')) as object);
      expect(check(value) || `${ajv.errorsText(check.errors)}: ${JSON.stringify(value)}`).toBe(true);
    };
    for (const { payload, headers, examples } of Object.values(document.components.messages)) {
      for (const example of examples) {
        fits(payload, example.payload);
        if (headers !== undefined) fits(headers, example.headers);
        else expect(cloudEventSchema.safeParse(example.payload).error).toBeUndefined();
      }
    }
  });
});

it('docs/events.md says the same of every type', () => {
  const text = readFileSync(new URL('../docs/events.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `([^`]+)` +\| (.*?) +\|$/gm)].map(([, type, words]) => [type, words]);
  expect(rows).toEqual(Object.entries(events));
});
