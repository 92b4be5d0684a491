import { createHash } from 'node:crypto';
import type { AuditEntry, Disclosure } from '../../audit/entry.ts';
import type { JsonObject, JsonValue } from '../../ontology/json.ts';

/** An entry as somebody with a stolen login might bring it, and what is wrong with it. */
export interface Perturbed {
  what: string;
  entry: AuditEntry;
}

const otherValues: readonly JsonValue[] = [null, true, 7, '', 'x', [], {}, [{}]];
const strayProposal = '00000000-0000-4000-8000-00000000aaaa';

/**
 * One entry in every way that is not as it was: each member gone, of each other kind, in capitals, each type and each state; salts, commitments and what is disclosed; and the
 * text itself written otherwise. `types` and `statuses` are what else a type or a state may say.
 */
export function perturbedOf(
  template: AuditEntry,
  { types, statuses, proposals }: { types: readonly string[]; statuses: readonly string[]; proposals: readonly string[] },
): Perturbed[] {
  const body = JSON.parse(template.payload) as JsonObject;
  const told = (what: string, change: JsonObject | null, more: Partial<AuditEntry> = {}): Perturbed => {
    const changed = change ?? body;
    const payload = more.payload ?? JSON.stringify(changed);
    const column = typeof changed.proposalId === 'string' ? changed.proposalId : null;
    return { what: `${body.type}: ${what}`, entry: { ...template, type: String(changed.type), proposalId: column, payload, ...more } };
  };
  const members = Object.keys(body);
  const withDisclosures = (what: string, change: (one: Disclosure) => Disclosure) =>
    template.disclosures.map((_, at) => {
      const disclosures = template.disclosures.map((one, n) => (n === at ? change(one) : one));
      return told(what, recommitted(body, disclosures), { disclosures });
    });
  return [
    told('as it was', null),
    ...members.map((name) => told(`without ${name}`, Object.fromEntries(Object.entries(body).filter(([key]) => key !== name)))),
    ...members.flatMap((name) =>
      otherValues.map((value) => told(`${name} is ${JSON.stringify(value)}`, { ...body, [name]: value }, { type: template.type })),
    ),
    ...members.map((name) =>
      told(`${name} in capitals`, {
        ...body,
        [name]: JSON.parse(
          JSON.stringify(body[name]).toUpperCase().replaceAll('TRUE', 'true').replaceAll('FALSE', 'false').replaceAll('NULL', 'null'),
        ) as JsonValue,
      }),
    ),
    ...['status', 'from'].flatMap((name) => statuses.map((status) => told(`${name} is ${status}`, { ...body, [name]: status }))),
    ...types.map((type) => told(`is ${type}`, { ...body, type })),
    ...types.flatMap((type) => statuses.slice(0, 3).map((status) => told(`is ${type} in ${status}`, { ...body, type, status }))),
    ...[...proposals, strayProposal].map((id) => told(`of ${id}`, { ...body, proposalId: id })),
    ...proposals
      .slice(0, 1)
      .flatMap((id) => [
        told('of a proposal in capitals', { ...body, proposalId: id.toUpperCase() }),
        told('of a proposal in braces', { ...body, proposalId: `{${id}}` }),
        told('of a proposal without hyphens', { ...body, proposalId: id.replaceAll('-', '') }),
      ]),
    ...[null, {}, ['x'], [7], ['0'.repeat(64), '0'.repeat(64)], ['A'.repeat(64)], ['f'.repeat(64)]].map((decisions) =>
      told(`decisions are ${JSON.stringify(decisions).slice(0, 20)}`, { ...body, decisions }),
    ),
    told('of no proposal, said', { ...body, proposalId: null }),
    told('of a proposal that is an object', { ...body, proposalId: {} }, { proposalId: null }),
    told('fills', { ...body, approvals: [], requirement: { automatic: true }, executionId: strayProposal }),
    told('in a list', null, { payload: `[${template.payload}]` }),
    told('with white space', null, { payload: JSON.stringify(body, null, 2) }),
    told('with a name twice', null, { payload: `{"type":"switch.changed",${template.payload.slice(1)}` }),
    told('nested', null, { payload: `{"deep":${'['.repeat(8_000)}${']'.repeat(8_000)},${template.payload.slice(1)}` }),
    told('with half a pair', null, { payload: `{"half":"\\ud800",${template.payload.slice(1)}` }),
    told('no JSON', null, { payload: 'x' }),
    ...withDisclosures('a salt in capitals', (one) => ({ ...one, salt: one.salt.toUpperCase().replace(/^\d/, 'A') })),
    ...withDisclosures('a short salt', (one) => ({ ...one, salt: one.salt.slice(2) })),
    ...withDisclosures('a long salt', (one) => ({ ...one, salt: `${one.salt}00` })),
    ...withDisclosures('no salt', (one) => ({ ...one, salt: '' })),
    ...[
      '7',
      'null',
      '["x"]',
      '{"a":1}',
      '"somebody"',
      '"\\ud800"',
      '"\\u0000"',
      ' "x" ',
      `${'['.repeat(8_000)}${']'.repeat(8_000)}`,
      '',
    ].flatMap((value) => withDisclosures(`what is disclosed is ${value.slice(0, 10)}`, (one) => ({ ...one, value }))),
    ...['proposer', 'actsFor', 'reviewer', 'onBehalfOf', 'actor', '__proto__', 'toString', ''].flatMap((name) =>
      withDisclosures(`disclosed as ${name}`, (one) => ({ ...one, name })),
    ),
    ...['reviewer', 'onBehalfOf', 'actsFor', 'actor'].map((name) => {
      const disclosures = [...template.disclosures.filter((one) => one.name !== name), { name, salt: '00'.repeat(16), value: '"agent-1"' }];
      return told(`and ${name}`, recommitted(body, disclosures), { disclosures });
    }),
    told('with nothing disclosed', null, { disclosures: [] }),
    told('with a commitment that nothing discloses', {
      ...body,
      commitments: { ...(body.commitments as JsonObject), onBehalfOf: '0'.repeat(64) },
    }),
    told('with a commitment in capitals', { ...body, commitments: { ...(body.commitments as JsonObject), stray: 'A'.repeat(64) } }),
    told('with a commitment that is none', { ...body, commitments: { ...(body.commitments as JsonObject), stray: { a: 1 } } }),
  ];
}

/** Its payload with commitments to just what is disclosed. */
function recommitted(body: JsonObject, disclosures: readonly Disclosure[]): JsonObject {
  const hash = ({ salt, value }: Disclosure) => createHash('sha256').update(Buffer.from(salt, 'hex')).update(value).digest('hex');
  return { ...body, commitments: Object.fromEntries(disclosures.map((one) => [one.name, hash(one)])) };
}
