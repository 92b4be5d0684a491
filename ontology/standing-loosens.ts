import type { PrincipalKind } from './authority.ts';
import { pointerTo } from './json.ts';
import type { Lost } from './policy-engine.ts';
import type { Loosening } from './setting-actions.ts';

/** What an administrator says of a principal. What is left out stays as it is. */
export interface PrincipalChange {
  /** That it is an agent, or another kind than was known, stands against tokens. */
  kind?: PrincipalKind;
  name?: string | null;
  /** All that the principal shall hold; those in force and not named are removed, and tokens issued before cannot bring them back. */
  roles?: readonly string[];
  teams?: readonly string[];
  disabled?: boolean;
  /** Stands against what tokens say from now on. */
  actsFor?: string | null;
  /** All other identities of the same person, each known to the directory. */
  linkedIdentities?: readonly string[];
}

/** What the directory says of somebody, as far as a change may loosen it. */
export interface KnownStanding {
  kind: PrincipalKind;
  /** In force. */
  roles: readonly string[];
  teams: readonly string[];
  disabled: boolean;
  actsFor: string | null;
  /** Tokens have said whom it acts for, or that it acts for nobody, and no administrator has. */
  actsForByToken: boolean;
  linkedIdentities: readonly string[];
}

/**
 * What lets a principal, or another, do more than before: a role or a team more, to be enabled again, to be another kind than an agent, and whatever takes an identity away
 * from the person behind it, who could then approve what is their own. `before` is null where the directory does not know it. `linked` are the identities that go with each
 * of those it is to be linked to. `gains` says of a role or a team that is taken away whether what is in force may allow more to somebody without it.
 */
export function standingLoosens(
  before: KnownStanding | null,
  change: PrincipalChange,
  id: string,
  linked: ReadonlyMap<string, readonly string[]>,
  gains: (lost: Lost) => boolean,
): Loosening[] {
  const { kind, roles = [], teams = [], disabled, actsFor, linkedIdentities } = change;
  const less = (field: 'roles' | 'teams', what: Lost['kind']): Loosening[] =>
    (before?.[field] ?? []).flatMap((name) =>
      change[field] === undefined || change[field].includes(name) || !gains({ kind: what, name })
        ? []
        : [{ pointer: `/${field}`, message: `what is in force may allow more without the ${what} ${name}` }],
    );
  const more = (field: 'roles' | 'teams', wanted: readonly string[], held: readonly string[], what: string): Loosening[] =>
    wanted.flatMap((name, at) => (held.includes(name) ? [] : [{ pointer: pointerTo('', field, at), message: `${what} ${name} more` }]));
  const loosens = [...more('roles', roles, before?.roles ?? [], 'the role'), ...more('teams', teams, before?.teams ?? [], 'the team')];
  loosens.push(...less('roles', 'role'), ...less('teams', 'team'));
  if (before?.disabled && disabled === false) loosens.push({ pointer: '/disabled', message: 'is disabled no more' });
  if (before !== null && kind !== undefined && kind !== before.kind && kind !== 'agent') {
    loosens.push({ pointer: '/kind', message: `is a ${kind} and no ${before.kind}` });
  }
  if (actsFor !== undefined && leavesWhom(before, actsFor)) {
    loosens.push({ pointer: '/actsFor', message: 'whom it acts for may no longer be who stands behind what it proposes' });
  }
  if (linkedIdentities !== undefined) {
    const together = [id, ...linkedIdentities];
    const left = [...(before?.linkedIdentities ?? []), ...linkedIdentities.flatMap((one) => linked.get(one) ?? [])];
    for (const other of new Set(left)) {
      if (!together.includes(other)) loosens.push({ pointer: '/linkedIdentities', message: `${other} is another person` });
    }
  }
  return loosens;
}

/** Of one that no token has told of yet, that may be anybody; and what an administrator says stands against later tokens. */
function leavesWhom(before: KnownStanding | null, actsFor: string | null): boolean {
  if (before === null) return true;
  if (before.actsFor === null) return before.actsForByToken && actsFor === null;
  return actsFor !== before.actsFor;
}
