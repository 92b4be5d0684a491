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
  /** An administrator has said whom it acts for, or that it acts for nobody, which stands against tokens. */
  actsForIsSet: boolean;
  linkedIdentities: readonly string[];
}

/**
 * What lets a principal, or another, do more than before: a role or a team more, to be enabled again, another kind, since what is in force may go by it either way, and whatever
 * takes an identity away from the person behind it, who could then approve what is their own. A link gives as well as takes: one identity may then take back what the other said.
 * `before` is null where the directory does not know it. `linked` are the identities that go with each of those it is to be linked to. `gains` says of a role or a team that is
 * taken away whether what is in force may allow more to somebody without it.
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
  // Of one that no token has told of yet, that it is a person is no word against tokens, which may still say that it is less.
  const knownKind = before?.kind ?? 'user';
  if (kind !== undefined && kind !== knownKind) loosens.push({ pointer: '/kind', message: `is a ${kind} and no ${knownKind}` });
  // Also whom its tokens name by now: what an administrator says stands against those to come, which may name another.
  if (actsFor !== undefined && !(before?.actsForIsSet && actsFor === before.actsFor)) {
    loosens.push({ pointer: '/actsFor', message: 'whom it acts for may no longer be who stands behind what it proposes' });
  }
  if (linkedIdentities !== undefined) {
    const together = [id, ...linkedIdentities];
    const known = before?.linkedIdentities ?? [];
    for (const [at, other] of linkedIdentities.entries()) {
      if (!known.includes(other)) loosens.push({ pointer: pointerTo('', 'linkedIdentities', at), message: `${other} is the same person` });
    }
    for (const other of new Set([...known, ...linkedIdentities.flatMap((one) => linked.get(one) ?? [])])) {
      if (!together.includes(other)) loosens.push({ pointer: '/linkedIdentities', message: `${other} is another person` });
    }
  }
  return loosens;
}
