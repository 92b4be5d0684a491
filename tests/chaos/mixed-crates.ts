import type { OntologyDocument, ParameterDefinition } from '../../ontology/definition.ts';
import type { EffectDefinition, WebhookTemplate } from '../../ontology/effect-definition.ts';

/** Told of each crate that is packed or unpacked once that is so, and often against it. `crate` is its code. */
const clear = (crate: string): EffectDefinition => {
  const at = (method: 'PUT' | 'DELETE'): WebhookTemplate => {
    return { endpoint: 'carrier', method, path: ["'clearances'", 'depot'], body: { crate, to: 'depot' } };
  };
  return {
    name: 'clear',
    phase: 'sideEffect',
    webhook: at('PUT'),
    lostAnswer: 'key',
    attempts: 3,
    compensation: { webhook: at('DELETE'), lostAnswer: 'key' },
  };
};

/** The parcels' domain with crates that come and go, are linked to what they hold, and have seals of which there is one each. */
export function cratedParcels(document: OntologyDocument): OntologyDocument {
  const text: ParameterDefinition = { type: 'string', required: true, maxLength: 20 };
  const crate: ParameterDefinition = { type: 'reference', to: 'crate', required: true };
  const parcel: ParameterDefinition = { type: 'reference', to: 'parcel', required: true };
  const by = { approvalPolicy: 'alone' };
  return {
    ...document,
    objectTypes: {
      ...document.objectTypes,
      crate: {
        key: 'code',
        properties: { code: { type: 'string', required: true }, seal: { type: 'string', unique: true, maxLength: 20, required: true } },
      },
    },
    linkTypes: { ...document.linkTypes, holds: { from: 'crate', to: 'parcel', cardinality: 'many-to-many', onDelete: 'unlink' } },
    actionTypes: {
      ...document.actionTypes,
      pack: {
        parameters: { crate: text, seal: text, parcel, depot: text },
        rules: [
          { rule: 'create', type: 'crate', set: { code: 'crate', seal: 'seal' } },
          { rule: 'link', link: 'holds', from: 'crate', to: 'parcel' },
        ],
        effects: [clear('crate')],
        ...by,
      },
      unpack: {
        parameters: { crate, depot: text },
        rules: [{ rule: 'delete', type: 'crate', object: 'crate' }],
        effects: [clear('crate.id')],
        ...by,
      },
      add: { parameters: { crate, parcel }, rules: [{ rule: 'link', link: 'holds', from: 'crate', to: 'parcel' }], ...by },
      reseal: {
        parameters: { crate, seal: text },
        rules: [{ rule: 'modify', type: 'crate', object: 'crate', set: { seal: 'seal' } }],
        ...by,
      },
    },
  };
}
