import type { PolicyVocabulary } from './policy-engine.ts';

/** A name that policies could use, and that another ontology has no more; of an attribute the object type's name and the property's, and of a value the value as well. */
export interface LostName {
  of: keyof PolicyVocabulary;
  words: readonly string[];
}

/** What a policy says of these would never hold again. An attribute of another kind is another one. */
export function lostNames(before: PolicyVocabulary, after: PolicyVocabulary): LostName[] {
  const plain = (['actionTypes', 'objectTypes', 'sensitive', 'amounts', 'endpoints'] as const).flatMap((of) =>
    before[of].filter((name) => !after[of].includes(name)).map((name) => ({ of, words: [name] })),
  );
  const attributes = Object.entries(before.attributes).flatMap(([type, mine]) =>
    mine
      .filter(([property, kind]) => !after.attributes[type]?.some(([name, other]) => name === property && other === kind))
      .map(([property]) => ({ of: 'attributes' as const, words: [type, property] })),
  );
  return [...plain, ...attributes, ...lostValues(before, after)];
}

/** Of properties that still have a closed set of texts, and are told of. */
function lostValues(before: PolicyVocabulary, after: PolicyVocabulary): LostName[] {
  return Object.entries(before.values).flatMap(([type, properties]) =>
    Object.entries(properties).flatMap(([property, values]) => {
      const left = after.values[type]?.[property] ?? values;
      return values.filter((value) => !left.includes(value)).map((value) => ({ of: 'values' as const, words: [type, property, value] }));
    }),
  );
}

/** The same for whoever is told. */
export function lostInWords({ of, words }: LostName): string {
  return `${whatItWas[of]} ${words.join('.')}`;
}

const whatItWas: Record<keyof PolicyVocabulary, string> = {
  actionTypes: 'the action type',
  objectTypes: 'the object type',
  sensitive: 'the sensitive property',
  amounts: 'the amount',
  attributes: 'the property',
  values: 'the value',
  endpoints: 'the endpoint',
};
