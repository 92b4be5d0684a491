import { type JsonObject, type JsonValue, pointerTo } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import type { PolicyVocabulary } from '../ontology/policy-engine.ts';
import { quotedWords } from '../ontology/quoted-words.ts';
import { cedarSchema, textWithValues } from './cedar-schema.ts';
import { checkSize } from './check-policies.ts';
import type { OpaEngine } from './opa-engine.ts';
import { unknownInRego } from './rego-names.ts';
import { reachesBeyond } from './rego-reach.ts';

/** What belongs to how policies are put together. A comment that annotates is read by OPA's compiler, which fetches the schemas that it names. */
const reserved = /\bexequatur_\w+|#[ \t]*METADATA\b/;

/** A policy without such a rule, or with one of them misspelt, would say nothing and be taken for one that does. */
const says = /^[ \t]*(?:permit|forbid)\b/m;
/** Sets, objects and functions: none of them is true or false. */
const saysNoVerdict = /^[ \t]*(permit|forbid)\b[ \t]*(?:contains\b|[[.(])/m;

/** Says what is wrong with Rego that somebody sent, with a pointer to each. @throws PolicyEngineAway */
export async function checkRego(
  engine: OpaEngine,
  policies: Readonly<Record<string, string>>,
  vocabulary: PolicyVocabulary,
): Promise<Fault[]> {
  const size = checkSize(policies);
  if (size.length > 0) return size;
  const trees = await engine.parse(policies);
  const reaching = Object.entries(policies).flatMap(([id, text]) => {
    const words = reserved.exec(text)?.[0];
    const beyond = Object.hasOwn(trees, id) ? reachesBeyond(trees[id] as JsonValue) : [];
    return [...(words === undefined ? [] : [`${words} must not stand in a policy`]), ...beyond].map((one) => fault(id, one));
  });
  if (reaching.length > 0) return reaching;
  const mute = Object.entries(policies).flatMap(([id, text]) => {
    const rule = saysNoVerdict.exec(text)?.[1];
    if (rule !== undefined) return [fault(id, `${rule} must be true or false, as in \`${rule} if { … }\``)];
    return says.test(text) ? [] : [fault(id, 'a policy has a rule permit or forbid, which begins a line')];
  });
  if (mute.length > 0) return mute;
  const refused = await engine.compile(policies);
  const unread = Object.keys(policies).filter((id) => !Object.hasOwn(trees, id) && !Object.hasOwn(refused, id));
  const schema = vocabulary.actionTypes.length > 0 ? cedarSchema(vocabulary, textWithValues) : null; // Before the first document nobody knows the names.
  const strange = Object.entries(schema === null ? {} : trees).flatMap(([id, tree]) =>
    unknownInRego(schema as JsonObject, tree).map((words) => fault(id, words)),
  );
  return [
    ...strange,
    ...Object.entries(refused).map(([id, words]) => fault(id, quotedWords('OPA', words))),
    ...unread.map((id) => fault(id, 'a policy must be Rego by itself')),
  ];
}

function fault(id: string, message: string): Fault {
  return { code: 'invalid_policies', pointer: pointerTo('/policies', id), message };
}
