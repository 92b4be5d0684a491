import { sha256Hex } from '../ontology/canonical-json.ts';
import type { JsonValue } from '../ontology/json.ts';
import { type PolicyDecision, type PolicyEngine, PolicyEngineAway, type PolicyRequest, type PolicySet } from '../ontology/policy-engine.ts';
import { boundedJson, TooLong } from './bounded-json.ts';
import { Pause } from './pause.ts';
import { regoInput } from './rego-input.ts';
import { insteadOf, modulesOf, policyAt, present, type RegoModule, together } from './rego-modules.ts';
import { Turns } from './turns.ts';

const patienceMs = 1_000; // Somebody waits for an answer, perhaps with rows locked.
const longestMs = 2_000; // The whole of a decision, with whatever OPA has to be told before: so long somebody may wait with rows locked.
const givenWithinMs = 10_000; // One module, which nobody waits for beyond a decision. OPA compiles all that it has with each.
const mostAtOnce = 8; // Questions of one set, of one process: one that takes all the time it has leaves time for those of others.
const longestAnswer = 1_048_576; // What a thousand policies say is a fifth of it. Rules beside the verdicts are answered as well.
const longestTree = 16_777_216; // Of so much text as is parsed at once, which takes a quarter of it where it is nothing but operators.
const parsedAtOnce = 65_536; // Characters of policies.
const preparedSets = 100; // Of one process, which then takes the oldest out of OPA's memory again.

/**
 * Decides with OPA, which runs beside us and is asked over HTTP. A policy is the body of a Rego module that says `permit` or `forbid`, over `input`: the question as the
 * port has it. As with Cedar, one that forbids wins, and any error is a deny. The answer says of each policy what it says, and that it is there: OPA forgets everything when it is
 * started anew, and an answer in which one is missing is none.
 */
export class OpaEngine implements PolicyEngine {
  private readonly url: string;
  private readonly owner: string;
  private readonly longestMs: number;
  /** Packages of sets that were given to OPA, in the order of use. */
  private readonly kept = new Map<string, KeptSet>();

  /** In OPA those of one owner have names that no other engine uses, so that to forget them takes nothing from anybody; those without one share theirs. */
  constructor(url: string, owner = '', deadlineMs = longestMs) {
    this.url = url.replace(/\/+$/, '');
    this.owner = owner;
    this.longestMs = deadlineMs;
  }

  /** A set that is not given in time is a deny, and goes on being given: whoever asks later finds it there. So a large one makes nobody late but those whose it is. */
  async decide(set: PolicySet, request: PolicyRequest): Promise<PolicyDecision> {
    const late = AbortSignal.timeout(this.longestMs);
    const name = this.packageOf(set);
    const kept = this.kept.get(name) ?? {
      set,
      given: [],
      missing: modulesOf(name, set.policies),
      giving: null,
      turns: new Turns(mostAtOnce),
      pause: new Pause(),
    };
    try {
      this.kept.delete(name);
      this.kept.set(name, kept);
      const verdicts = (await this.ask(name, kept, request, late)) ?? (await this.askAnew(name, kept, request, late));
      void this.forgetOldest();
      return decisionOf(verdicts);
    } catch (error) {
      const why = late.aborted ? `no answer within ${this.longestMs} ms` : error instanceof Error ? error.message : String(error);
      return {
        decision: 'deny',
        policies: error instanceof Refused ? failedIn(error, kept.given) : [],
        errors: [`the engine failed: ${why}`],
        ...(error instanceof Refused || error instanceof TooLong ? {} : { away: true as const }),
      };
    }
  }

  /** What OPA's compiler says of each text that it does not take, by id. Leaves nothing behind. @throws PolicyEngineAway */
  async compile(policies: PolicySet['policies']): Promise<Record<string, string>> {
    const name = this.packageOf({ key: 'sent', policies });
    const faults: Record<string, string> = {};
    const modules = modulesOf(name, policies);
    for (let one = modules.pop(); one !== undefined; one = modules.pop()) {
      try {
        const instead = await this.giveOrSplit(name, one, policies);
        if (instead === null)
          await this.forget([one]); // Or whatever comes behind it would be compiled with it.
        else modules.push(...instead);
      } catch (error) {
        if (!(error instanceof Refused)) throw new PolicyEngineAway('OPA did not answer', { cause: error });
        faults[one.of[0] ?? ''] = error.message;
      }
    }
    return faults;
  }

  /** The syntax tree of each text, by id; none of what is no Rego by itself. Nothing of it stays in OPA, and nothing is computed. @throws PolicyEngineAway */
  async parse(policies: PolicySet['policies']): Promise<Record<string, JsonValue>> {
    const trees: Record<string, JsonValue> = {};
    for (const texts of portions(policies)) {
      try {
        const { result } = (await this.call('POST', '/v1/query', JSON.stringify({ query: parsing, input: { texts } }), {
          type: 'application/json',
          withinMs: givenWithinMs,
          mostBytes: longestTree,
        })) as { result: [{ parsed: Record<string, JsonValue> }] };
        Object.assign(trees, result[0].parsed);
      } catch (error) {
        throw new PolicyEngineAway('OPA parsed nothing', { cause: error });
      }
    }
    return trees;
  }

  /** Takes all that it gave out of OPA's memory. */
  async forgetAll(): Promise<void> {
    const all = [...this.kept];
    this.kept.clear();
    for (const [, { given }] of all) await this.forget(given);
  }

  /** Whether OPA answers. */
  async isThere(): Promise<boolean> {
    return this.call('GET', '/health').then(
      () => true,
      () => false,
    );
  }

  /** OPA was started anew. */
  private async askAnew(name: string, kept: KeptSet, request: PolicyRequest, late: AbortSignal): Promise<Record<string, Verdict>> {
    Object.assign(kept, { given: [], missing: modulesOf(name, kept.set.policies) });
    const verdicts = await this.ask(name, kept, request, late);
    if (verdicts === null) throw new Error('the policies are not there');
    return verdicts;
  }

  /** However many ask for a set, it is given once, and to its end: those who wait no longer have it for the next time. */
  private give(name: string, kept: KeptSet): Promise<void> {
    kept.giving ??= this.giveMissing(name, kept).finally(() => {
      kept.giving = null;
    });
    return kept.giving;
  }

  private async giveMissing(name: string, kept: KeptSet): Promise<void> {
    const { set, missing } = kept;
    try {
      for (let one = missing.at(-1); one !== undefined && this.kept.get(name) === kept; one = missing.at(-1)) {
        const instead = await this.giveOrSplit(name, one, set.policies);
        missing.pop();
        if (instead === null) kept.given.push(one);
        else missing.push(...instead);
      }
    } catch (error) {
      if (error instanceof Refused) {
        this.kept.delete(name);
        if (this.owner !== '') await this.forget(kept.given); // Others may be asking about what they share.
      }
      throw error;
    }
  }

  /** Null where OPA took it; else what is to be given instead. */
  private async giveOrSplit(name: string, module: RegoModule, policies: PolicySet['policies']): Promise<RegoModule[] | null> {
    try {
      await this.giveOne(module);
      return null;
    } catch (error) {
      const instead = error instanceof Refused ? insteadOf(name, module, policies) : null;
      if (instead === null) throw error;
      return instead;
    }
  }

  private async giveOne({ id, text }: RegoModule): Promise<void> {
    await this.call('PUT', pathOf(id), text, { type: 'text/plain', withinMs: givenWithinMs });
  }

  /** Null where OPA has not all of the set. Strict: a builtin that fails is an error and not merely without a result. */
  private async ask(name: string, kept: KeptSet, request: PolicyRequest, late: AbortSignal): Promise<Record<string, Verdict> | null> {
    if (kept.missing.length > 0) await unless(late, this.give(name, kept));
    const path = `/v1/data/exequatur/${name}?strict-builtin-errors=true`;
    if (kept.pause.isOn) throw new Error('OPA ended over these policies several times, so they are asked later');
    const asked = () => this.call('POST', path, JSON.stringify({ input: regoInput(request) }), { type: 'application/json', late });
    const counted = async () => {
      try {
        return await asked();
      } catch (error) {
        if (endedMeanwhile(error)) kept.pause.fell();
        throw error;
      }
    };
    const answer = (await kept.turns.take(late, counted)) as {
      result?: { [together]?: Record<string, Verdict>; apart?: Record<string, Verdict> };
    };
    kept.pause.answered();
    const said = { ...answer.result?.[together], ...answer.result?.apart };
    const verdicts = Object.keys(kept.set.policies).map((id): [string, Verdict] => [id, said[id] ?? {}]);
    return verdicts.every(([, verdict]) => verdict[present] === true) ? Object.fromEntries(verdicts) : null;
  }

  private async forgetOldest(): Promise<void> {
    const [oldest] = this.kept;
    if (this.kept.size <= preparedSets || oldest === undefined) return;
    this.kept.delete(oldest[0]);
    await this.forget(oldest[1].given);
  }

  /** What it cannot take away stays in OPA's memory until it is started anew. One that is away is not waited for once for each policy. */
  private async forget(modules: readonly RegoModule[]): Promise<void> {
    for (const { id } of modules) {
      try {
        await this.call('DELETE', pathOf(id));
      } catch (error) {
        if (!(error instanceof Refused)) return; // One that is not there was not taken.
      }
    }
  }

  /** A name for these very texts: what OPA was told once stays true. */
  private packageOf({ key, policies }: PolicySet): string {
    const known = this.owner === '' ? [key, policies] : [key, policies, this.owner];
    return `set_${sha256Hex(JSON.stringify(known)).slice(0, 32)}`;
  }

  private async call(
    method: string,
    path: string,
    body?: string,
    { type, withinMs = patienceMs, late, mostBytes = longestAnswer }: CallOptions = {},
  ): Promise<unknown> {
    const own = AbortSignal.timeout(withinMs);
    const answer = await fetch(`${this.url}${path}`, {
      method,
      ...(body === undefined || type === undefined ? {} : { body, headers: { 'content-type': type } }),
      signal: late === undefined ? own : AbortSignal.any([own, late]),
    });
    const content = (await boundedJson(answer, mostBytes)) as { message?: string; errors?: { message?: string; location?: Location }[] };
    if (answer.ok) return content;
    const words = [content.message, ...(content.errors ?? []).map(({ message }) => message)].filter((one) => one !== undefined);
    const places = (content.errors ?? []).flatMap(({ location }) => location ?? []);
    throw new Refused(words.length > 0 ? words.join('; ') : `OPA answered ${answer.status}`, places);
  }
}

interface CallOptions {
  type?: string;
  withinMs?: number;
  late?: AbortSignal;
  mostBytes?: number;
}

/** What cannot be parsed is left out. */
const parsing =
  'parsed = {id: tree | some id, text in input.texts; tree := rego.parse_module("policy", concat("", ["package policy\\n\\nimport rego.v1\\n\\n", text, "\\n"]))}';

/** The policies in parts of which none has many characters. */
function* portions(policies: PolicySet['policies']): Generator<Record<string, string>> {
  let part: Record<string, string> = {};
  let length = 0;
  for (const [id, text] of Object.entries(policies)) {
    if (length > 0 && length + text.length > parsedAtOnce) {
      yield part;
      [part, length] = [{}, 0];
    }
    part[id] = text;
    length += text.length;
  }
  yield part;
}

interface KeptSet {
  set: PolicySet;
  given: RegoModule[];
  /** What OPA has not been given yet. */
  missing: RegoModule[];
  /** While they are being given. */
  giving: Promise<void> | null;
  turns: Turns;
  pause: Pause;
}

/** The work, which goes on by itself where nobody can wait for it any longer. */
function unless<T>(late: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(late.reason);
    if (late.aborted) leave();
    late.addEventListener('abort', leave, { once: true });
    work.then(resolve, reject).finally(() => late.removeEventListener('abort', leave));
  });
}

/** The connection was there, and closed before the answer. */
function endedMeanwhile(error: unknown): boolean {
  const { code } = ((error as Error).cause ?? {}) as { code?: string };
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET';
}

/** OPA answered, and said no: the texts are no policies, or one of them cannot be computed. */
class Refused extends Error {
  readonly places: readonly Location[];

  constructor(message: string, places: readonly Location[]) {
    super(message);
    this.places = places;
  }
}

interface Location {
  /** The id of a module. */
  file?: string;
  row?: number;
}

/** The policies that could not be computed. */
function failedIn({ places }: Refused, given: readonly RegoModule[]): string[] {
  const ids = places.flatMap(({ file, row = 0 }) => given.filter(({ id }) => id === file).map((module) => policyAt(module, row)));
  return [...new Set(ids)].filter((id) => id !== null).sort();
}

const pathOf = (id: string) => `/v1/policies/${encodeURIComponent(id)}`;

interface Verdict {
  permit?: unknown;
  forbid?: unknown;
  [present]?: unknown;
}

/** What is there and neither true nor false, such as a set of reasons, would forbid nothing though it is meant to, so it is an error. */
function decisionOf(verdicts: Record<string, Verdict>): PolicyDecision {
  const ids = Object.keys(verdicts).sort();
  const wrong = ids.filter((id) => !isVerdict(verdicts[id]?.forbid) || !isVerdict(verdicts[id]?.permit));
  if (wrong.length > 0)
    return { decision: 'deny', policies: wrong, errors: wrong.map((id) => `${id}: permit and forbid must be true or false`) };
  const forbidding = ids.filter((id) => verdicts[id]?.forbid === true);
  if (forbidding.length > 0) return { decision: 'deny', policies: forbidding, errors: [] };
  const permitting = ids.filter((id) => verdicts[id]?.permit === true);
  return { decision: permitting.length > 0 ? 'allow' : 'deny', policies: permitting, errors: [] };
}

/** A rule of which no body holds is not there at all. */
function isVerdict(value: unknown): boolean {
  return value === undefined || typeof value === 'boolean';
}
