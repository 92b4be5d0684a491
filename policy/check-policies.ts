import type { PolicyJson, SchemaJson, ValidationError } from '@cedar-policy/cedar-wasm/nodejs';
import { pointerTo } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import type { PolicyVocabulary } from '../ontology/policy-engine.ts';
import { quotedWords } from '../ontology/quoted-words.ts';
import { unknownAttributes } from './attributes-asked.ts';
import { type CedarModule, freshCedar, lookInto } from './cedar-module.ts';
import { cedarSchema, textWithValues } from './cedar-schema.ts';
import { impossibleTexts } from './texts-compared.ts';

/** Bytes of one policy; what is longer is several policies. */
const longestPolicy = 8_192;
/** Every decision evaluates all of them. */
export const mostPolicies = 1_000;
const mostBytes = 262_144; // Read, parsed and kept in memory by every process that decides for the tenant.
const deepestNesting = 24; // Cedar's parser takes its stack per bracket, and traps beyond some hundred.
const policyId = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;

/**
 * Says what is wrong with policies that somebody sent, each with a pointer into `{id: text}`: not parsed, naming what the tenant's ontology does not know, or too large
 * to be evaluated with every decision. Strict: an attribute that may be absent has to be asked for first, and what is asked for may be there.
 */
export function checkPolicies(policies: Readonly<Record<string, string>>, vocabulary: PolicyVocabulary): Fault[] {
  const size = checkSize(policies);
  if (size.length > 0) return size;
  const cedar = freshCedar();
  try {
    const unparsed = Object.entries(policies).flatMap(([id, text]) => parseFaults(cedar, id, text));
    if (unparsed.length > 0) return unparsed;
    const schema = cedarSchema(vocabulary);
    const answer = cedar.validate({
      schema: schema as unknown as SchemaJson<string>,
      policies: { staticPolicies: { ...policies } },
      validationSettings: { mode: 'strict' },
    });
    if (answer.type === 'failure') return answer.errors.map(({ message }) => fault('', cedarSays(message)));
    if (answer.validationErrors.length > 0) return answer.validationErrors.map(faultOf);
    const known = cedarSchema(vocabulary, textWithValues);
    const isDefined = vocabulary.actionTypes.length > 0; // Before the first document nobody knows what it will define; then they are looked at again.
    const wordsOf = (policy: PolicyJson) => [...(isDefined ? unknownAttributes(known, policy) : []), ...impossibleTexts(known, policy)];
    const strange = Object.entries(policies).flatMap(([id, text]) => lookInto(cedar, text, wordsOf, []).map((words) => fault(id, words)));
    return strange.length > 0 || !isDefined ? strange : answer.validationWarnings.filter(isWithoutEffect).map(faultOf);
  } catch {
    return [fault('', 'the policies are nested too deeply to be computed')];
  }
}

/** The bounds that policies in any language keep. */
export function checkSize(policies: Readonly<Record<string, string>>): Fault[] {
  const entries = Object.entries(policies);
  if (entries.length === 0) return [fault('', 'a set without policies permits nothing')];
  if (entries.length > mostPolicies) return [fault('', `a set has at most ${mostPolicies} policies`)];
  const faults = entries.flatMap(([id, text]) => {
    if (!policyId.test(id)) return [fault(id, 'an id is of letters, digits, - and _, begins with a letter and has at most 63 characters')];
    if (Buffer.byteLength(text) > longestPolicy) return [fault(id, `a policy has at most ${longestPolicy} bytes`)];
    return nesting(text) > deepestNesting ? [fault(id, `brackets are nested at most ${deepestNesting} deep`)] : [];
  });
  const bytes = entries.reduce((sum, [, text]) => sum + Buffer.byteLength(text), 0);
  return bytes > mostBytes ? [...faults, fault('', `a set has at most ${mostBytes} bytes`)] : faults;
}

/** Counts brackets in texts and comments as well: nobody needs so many there either. */
function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const character of text) {
    if ('([{'.includes(character)) deepest = Math.max(deepest, ++depth);
    else if (')]}'.includes(character)) depth--;
  }
  return deepest;
}

function parseFaults(cedar: CedarModule, id: string, text: string): Fault[] {
  const answer = cedar.checkParsePolicySet({ staticPolicies: { [id]: text } });
  if (answer.type === 'success') return [];
  return answer.errors.map(({ message, sourceLocations }) => {
    const [place] = sourceLocations ?? [];
    if (place === undefined) return fault(id, cedarSays(message));
    return fault(id, cedarSays(`${message} (at ${place.start}${place.label === null ? '' : `: ${place.label}`})`));
  });
}

/** Cedar warns of a policy that is about no question, or holds for none: it would be without effect, and nobody would be told. Of how texts are written it warns as well, and gives no codes. */
function isWithoutEffect({ error }: ValidationError): boolean {
  return /unable to find an applicable action|policy is impossible/.test(error.message);
}

function faultOf({ policyId: id, error }: ValidationError): Fault {
  return fault(id, cedarSays(error.help === null ? error.message : `${error.message}; ${error.help}`));
}

function cedarSays(words: string): string {
  return quotedWords('Cedar', words);
}

function fault(id: string, message: string): Fault {
  return { code: 'invalid_policies', pointer: id === '' ? '/policies' : pointerTo('/policies', id), message };
}
