import type { OntologyDocument } from '../../ontology/definition.ts';
import type { EffectDefinition } from '../../ontology/effect-definition.ts';

const send: EffectDefinition = {
  name: 'send',
  phase: 'writeBack',
  webhook: { endpoint: 'receiver', path: ["'things'", 'thing.id'] },
  lostAnswer: 'key',
  compensation: { webhook: { endpoint: 'receiver', method: 'DELETE', path: ["'things'", 'thing.id'] }, lostAnswer: 'key' },
};
const probed: EffectDefinition = {
  ...send,
  lostAnswer: 'probe',
  webhook: { endpoint: 'receiver', path: ["'probed'", 'thing.id'] },
  probe: { webhook: { endpoint: 'receiver', path: ["'probed'", 'thing.id'] }, done: 'answer.status == 200' },
};
/** Nobody is asked where its answer is lost, so that the benchmark needs no operator: it goes on as unknown. */
const once: EffectDefinition = {
  name: 'once',
  phase: 'sideEffect',
  optional: true,
  lostAnswer: 'none',
  webhook: { endpoint: 'receiver', path: ["'once'", 'thing.id'] },
};
const refused: EffectDefinition = {
  name: 'refused',
  phase: 'writeBack',
  webhook: { endpoint: 'receiver', path: ["'refusals'"] },
  lostAnswer: 'key',
};

/** Objects of three types, of which two are locked by the benchmark so that an execution on them waits; effects and an undo that a receiver holds; and an action that a person approves. */
export function recoveryDocument(receiver: string): OntologyDocument {
  const names = ['thing', 'blocked', 'locked'];
  const parameters = (to: string) => ({
    [to]: { type: 'reference' as const, to, required: true },
    n: { type: 'integer' as const, required: true },
  });
  const change = (type: string) => ({
    parameters: parameters(type),
    rules: [{ rule: 'modify' as const, type, object: type, set: { n: 'n' } }],
  });
  return {
    objectTypes: Object.fromEntries(
      names.map((name) => [
        name,
        { key: 'code', properties: { code: { type: 'string' as const, required: true }, n: { type: 'integer' as const } } },
      ]),
    ),
    endpoints: { receiver: { url: receiver, timeout: 'PT60S' } },
    actionTypes: {
      create: {
        parameters: { codes: { type: 'array', items: { type: 'string' }, maxItems: 1_000, required: true } },
        rules: [
          {
            rule: 'forEach',
            as: 'code',
            in: { list: 'codes' },
            do: names.map((type) => ({ rule: 'create' as const, type, set: { code: 'code' } })),
          },
        ],
        approvalPolicy: 'alone',
      },
      changeBlocked: { ...change('blocked'), approvalPolicy: 'alone' },
      changeLocked: { ...change('locked'), approvalPolicy: 'alone' },
      ask: { ...change('thing'), approvalPolicy: 'manager' },
      tell: { ...change('thing'), effects: [send], approvalPolicy: 'alone' },
      tellProbed: { ...change('thing'), effects: [probed], approvalPolicy: 'alone' },
      tellOnce: { ...change('thing'), effects: [once], approvalPolicy: 'alone' },
      tellInVain: { ...change('thing'), effects: [send, refused], approvalPolicy: 'alone' },
    },
    approvalPolicies: {
      alone: {
        expiresAfter: 'P1D',
        stages: [{ name: 'manager', thresholds: [{ needed: 1, reviewers: "'duty-manager' in reviewer.roles" }] }],
        automatic: { condition: 'true', ceilings: { edits: 10_000 } },
      },
      manager: {
        expiresAfter: 'P1D',
        stages: [{ name: 'manager', thresholds: [{ needed: 1, reviewers: "'duty-manager' in reviewer.roles" }] }],
      },
    },
  };
}
