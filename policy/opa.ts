import { randomUUID } from 'node:crypto';
import type { Policies } from '../ontology/policy-engine.ts';
import { cedar } from './cedar.ts';
import { checkRego } from './check-rego.ts';
import { OpaEngine } from './opa-engine.ts';
import { PatientEngine } from './patient-engine.ts';
import { regoDefaults } from './rego-defaults.ts';

const uploadMs = 60_000; // For the first decision by what somebody sent, of up to a thousand policies.

/** A rule of the policy's own, on a line by itself. */
const soft = /^soft := true$/m;

/** A value may be any text, which stands between quotes with escapes or between others without. */
function isWordOf(text: string, name: string): boolean {
  const written = [name, JSON.stringify(name).slice(1, -1)].map((one) => one.replaceAll(/[^\w]/g, '\\$&'));
  return new RegExp(`(?<![\\w])(?:${written.join('|')})(?![\\w])`).test(text);
}

/** OPA at this address, for all tenants of the installation. What cannot be told of Rego counts as the worse. */
export function opaPolicies(url: string): Policies {
  const engine = new OpaEngine(url);
  return {
    engine,
    withEngine: async (work) => {
      const own = new OpaEngine(url, randomUUID(), uploadMs);
      try {
        return await work(new PatientEngine(own));
      } finally {
        await own.forgetAll();
      }
    },
    check: (policies, vocabulary) => checkRego(engine, policies, vocabulary),
    effectsOf: (texts) => texts.map(() => null),
    boundInTime: (texts) => texts.map(() => true),
    mayGoBy: () => true,
    mayHide: () => [null],
    gainsByLosing: () => true,
    // Written as a word, since a policy has no escape that could spell one; what a name is put together of is not seen.
    namesLost: (policies, lost) =>
      Object.entries(policies).flatMap(([policy, text]) =>
        lost.filter(({ words }) => isWordOf(text, words.at(-1) ?? '')).map((name) => ({ policy, name })),
      ),
    softPolicies: (policies) => Object.entries(policies).flatMap(([id, text]) => (soft.test(text) ? [id] : [])),
    isThere: () => engine.isThere(),
    defaults: regoDefaults,
  };
}

/** The policy language of the installation: Rego, asked of the OPA at this address, or without one Cedar. */
export function policiesOf(opaUrl: string | undefined): Policies {
  return opaUrl === undefined ? cedar : opaPolicies(opaUrl);
}
