import type { PrincipalConstraint, ResourceConstraint } from '@cedar-policy/cedar-wasm/nodejs';
import { sha256Hex } from '../ontology/canonical-json.ts';
import type { PolicyRequest, PolicySet } from '../ontology/policy-engine.ts';
import { actionsOf } from './actions-of.ts';
import { type CedarEntity, entityOf } from './cedar-entity.ts';
import type { CedarModule } from './cedar-module.ts';
import { resourceTypeOf } from './cedar-schema.ts';

/**
 * The policies of a set that one question can be about. Cedar asks a policy's scope before anything else of it, and no scope can fail: one whose scope names another action, or
 * with `==` another resource, or somebody whom the principal neither is nor is in, neither determines a decision nor is it an error. So it can be left out, and the answer is the same
 * to the letter.
 */
export class CedarSlices {
  private readonly scopes: Scope[];
  /** By action: resources that some policy about it is for alone. None where each would carry too many along that are for all. */
  private readonly named = new Map<string, ReadonlySet<string>>();
  private readonly slices = new Map<string, Slice>();

  private constructor(scopes: Scope[]) {
    this.scopes = scopes;
  }

  /** Null where a text is no policy: such a set is none, whatever is asked. Of few policies nothing is left out, and Cedar says so when it is given them. */
  static of(cedar: CedarModule, { policies }: PolicySet): CedarSlices | null {
    const entries = Object.entries(policies);
    const open = { principal: null, actions: null, resource: null };
    if (entries.length < worthSlicing) return new CedarSlices(entries.map(([id, text]) => ({ id, text, ...open })));
    const scopes: Scope[] = [];
    for (const [id, text] of entries) {
      const answer = cedar.policyToJson(text);
      if (answer.type === 'failure') return null;
      const { principal, action, resource } = answer.json;
      scopes.push({ id, text, principal: principalOf(principal), actions: actionsOf(action), resource: resourceOf(resource) });
    }
    return new CedarSlices(scopes);
  }

  for(request: Pick<PolicyRequest, 'action' | 'resource' | 'principal'>): Slice {
    const whole = this.aboutResource(request);
    const own = narrowed(whole.scopes, request.principal);
    // One that is not kept has to be parsed, which costs as much as computing so many.
    return own.length * worthParsing > whole.scopes.length ? whole : sliceOf(own, true);
  }

  private aboutResource({ action, resource }: Pick<PolicyRequest, 'action' | 'resource'>): Slice {
    const about = uidOf({ type: resourceTypeOf(action, resource), id: resource });
    const key = JSON.stringify([action, this.namedUnder(action).has(about) ? about : null]);
    const known = this.slices.get(key);
    if (known !== undefined) return known;
    const slice = sliceOf(
      this.about(action).filter((one) => one.resource === null || one.resource === about || this.namedUnder(action).size === 0),
    );
    this.slices.set(key, slice);
    return slice;
  }

  private about(action: string): Scope[] {
    return this.scopes.filter(({ actions }) => actions === null || actions.includes(action));
  }

  private namedUnder(action: string): ReadonlySet<string> {
    const known = this.named.get(action);
    if (known !== undefined) return known;
    const all = this.about(action);
    const own = all.filter(({ resource }) => resource !== null);
    const resources = new Set(own.flatMap(({ resource }) => resource ?? []));
    const carried = (all.length - own.length) * (resources.size + 1);
    const named: ReadonlySet<string> = own.length + carried <= mostCopies * all.length ? resources : new Set();
    this.named.set(action, named);
    return named;
  }
}

/** Policies by id, and a name that no other choice out of the same set has, whoever makes it. */
export interface Slice {
  scopes: readonly Scope[];
  /** Whether it is for some principals alone, of whom there are many kinds. */
  isForSome: boolean;
  name: string;
  policies: Record<string, string>;
}

/** Of a policy, in slices of one action: each is parsed and kept anew. */
const mostCopies = 3;
/** Of fewer a decision costs what it costs without any, and to find a policy's scope takes longer than to parse it. */
const worthSlicing = 32;
/** Policies that Cedar computes, where they are not for this principal, in the time that it takes to parse one. */
const worthParsing = 32;

interface Scope {
  id: string;
  text: string;
  /** Whom it is for: who is this, or in this; null for what cannot be told so. */
  principal: string | null;
  /** Null for every action. */
  actions: string[] | null;
  /** The one that it is for with `==`; null for what cannot be told so. */
  resource: string | null;
}

function sliceOf(scopes: readonly Scope[], isForSome = false): Slice {
  const name = sha256Hex(JSON.stringify(scopes.map(({ id }) => id)));
  return { scopes, name, isForSome, policies: Object.fromEntries(scopes.map(({ id, text }) => [id, text])) };
}

/** What is for this principal, or may be. */
function narrowed(scopes: readonly Scope[], { id, roles, teams }: PolicyRequest['principal']): Scope[] {
  const parents = [...roles.map((role) => uidOf({ type: 'Role', id: role })), ...teams.map((team) => uidOf({ type: 'Team', id: team }))];
  const whom = new Set([uidOf({ type: 'Principal', id }), ...parents]);
  return scopes.filter(({ principal }) => principal === null || whom.has(principal));
}

/** Roles and teams are in nothing here, so the principal is in just those that it has. */
function principalOf(constraint: PrincipalConstraint): string | null {
  if (constraint.op === 'is')
    return constraint.in !== undefined && 'entity' in constraint.in ? uidOf(entityOf(constraint.in.entity)) : null;
  return constraint.op !== 'All' && 'entity' in constraint ? uidOf(entityOf(constraint.entity)) : null;
}

function resourceOf(constraint: ResourceConstraint): string | null {
  return constraint.op === '==' && 'entity' in constraint ? uidOf(entityOf(constraint.entity)) : null;
}

function uidOf({ type, id }: CedarEntity): string {
  return JSON.stringify([type, id]);
}
