import { pointerTo } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import { quotedWords } from '../ontology/quoted-words.ts';
import { checkSize } from './check-policies.ts';
import type { OpaEngine } from './opa-engine.ts';

/**
 * What would reach beyond the question: the network and files, also through what checks a JSON Schema, which fetches whatever it refers to; OPA's configuration; other
 * packages, among them those of other tenants. Refused wherever they stand, also in a text or a comment, since nobody needs the words there, and so is an escape that could
 * spell them.
 */
const forbidden = /\b(?:https?|file|net|opa|verify_schema|match_schema|data|import|package|exequatur_\w+)\b|\\u/;

/** A policy without such a rule, or with one of them misspelt, would say nothing and be taken for one that does. */
const says = /^[ \t]*(?:permit|forbid)\b/m;
/** Sets, objects and functions: none of them is true or false. */
const saysNoVerdict = /^[ \t]*(permit|forbid)\b[ \t]*(?:contains\b|[[.(])/m;

/** Says what is wrong with Rego that somebody sent, with a pointer to each. Unlike Cedar it is not checked against the names of the tenant's ontology. @throws PolicyEngineAway */
export async function checkRego(engine: OpaEngine, policies: Readonly<Record<string, string>>): Promise<Fault[]> {
  const size = checkSize(policies);
  if (size.length > 0) return size;
  const reaching = Object.entries(policies).flatMap(([id, text]) => {
    const word = forbidden.exec(text)?.[0];
    return word === undefined ? [] : [fault(id, `the word ${word} must not stand in a policy`)];
  });
  if (reaching.length > 0) return reaching;
  const mute = Object.entries(policies).flatMap(([id, text]) => {
    const rule = saysNoVerdict.exec(text)?.[1];
    if (rule !== undefined) return [fault(id, `${rule} must be true or false, as in \`${rule} if { … }\``)];
    return says.test(text) ? [] : [fault(id, 'a policy has a rule permit or forbid, which begins a line')];
  });
  if (mute.length > 0) return mute;
  return Object.entries(await engine.compile(policies)).map(([id, words]) => fault(id, quotedWords('OPA', words)));
}

function fault(id: string, message: string): Fault {
  return { code: 'invalid_policies', pointer: pointerTo('/policies', id), message };
}
