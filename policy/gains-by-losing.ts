import type { EntityUidJson, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { Lost, Policies } from '../ontology/policy-engine.ts';
import { entityOf } from './cedar-entity.ts';
import { freshCedar, lookInto } from './cedar-module.ts';

/**
 * Whether Cedar policies may allow more to somebody who has this role, or is in this team, no longer. A permit that holds for those who have it, and a prohibition that
 * spares them, let less happen then; what speaks of them otherwise, and what cannot be told, may let more.
 */
export const gainsByLosing: Policies['gainsByLosing'] = (policies, lost) => {
  const cedar = freshCedar();
  const gains = ({ effect, principal, conditions }: PolicyJson) => {
    const forbids = effect === 'forbid';
    if (forbids && namesInHead(principal, lost)) return true;
    return conditions.some(({ kind, body }) => mayBecome(body, lost, (kind === 'when') !== forbids));
  };
  return Object.values(policies).some((text) => lookInto(cedar, text, gains, true));
};

function namesInHead(head: object, lost: Lost): boolean {
  const { entity, in: within } = head as { entity?: EntityUidJson; in?: { entity?: EntityUidJson } };
  return [entity, within?.entity].some((one) => one !== undefined && isLost(one, lost));
}

function isLost(named: EntityUidJson, { kind, name }: Lost): boolean {
  const { type, id } = entityOf(named);
  return type === (kind === 'role' ? 'Role' : 'Team') && id === name;
}

type Node = Record<string, unknown>;
type Sides = { left: Node; right: Node };

/** Whether a condition may become true for who loses it, or with `holds` false. Its depth is bounded by what Cedar parses. */
function mayBecome(node: Node, lost: Lost, isWanted: boolean): boolean {
  const [op = '', args] = Object.entries(node)[0] ?? [];
  switch (op) {
    case '&&':
    case '||': {
      const { left, right } = args as Sides;
      return mayBecome(left, lost, isWanted) || mayBecome(right, lost, isWanted);
    }
    case '!':
      return mayBecome((args as { arg: Node }).arg, lost, !isWanted);
    case 'if-then-else': {
      const { if: asked, then, else: otherwise } = args as Record<'if' | 'then' | 'else', Node>;
      return (
        mayBecome(asked, lost, true) || mayBecome(asked, lost, false) || [then, otherwise].some((one) => mayBecome(one, lost, isWanted))
      );
    }
    default:
      // With a role less no set of roles has more in it, so of these none becomes true, and none is touched that is about others.
      return isAboutHaving(op, args) ? !isWanted && namesLost(args, lost) : mentions(node, lost);
  }
}

/** `in` a role or a team, or that they contain what is written there. */
function isAboutHaving(op: string, args: unknown): boolean {
  const { left, right, in: within } = args as Partial<Sides> & { in?: Node };
  if (op === 'in') return isPrincipal(left) && isLiteral(right);
  if (op === 'is') return isPrincipal(left) && (within === undefined || isLiteral(within));
  if (op !== 'contains' && op !== 'containsAny' && op !== 'containsAll') return false;
  return ['roles', 'teams'].includes((left?.['.'] as { attr?: string } | undefined)?.attr ?? '') && isLiteral(right);
}

const isPrincipal = (node: Node | undefined) => node?.Var === 'principal';

function isLiteral(node: Node | undefined): boolean {
  if (node === undefined) return false;
  return 'Value' in node || (Array.isArray(node.Set) && node.Set.every((one) => isLiteral(one)));
}

/** Of what is about having: whether it is this that one has. A text may be the name of a role or of a team. */
function namesLost(value: unknown, lost: Lost): boolean {
  if (typeof value !== 'object' || value === null) return value === lost.name;
  return '__entity' in value ? isLost(value as EntityUidJson, lost) : Object.values(value).some((one) => namesLost(one, lost));
}

/** Whether roles or teams, or a principal as a whole, are spoken of anywhere. */
function mentions(value: unknown, lost: Lost): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, inner]) => {
    if (key === '__entity') return isLost(inner as EntityUidJson, lost);
    const { left, attr } = (inner ?? {}) as { left?: Node; attr?: string | string[] };
    if (key === '.' || key === 'has') {
      const path = [attr].flat();
      return path.some((one) => one === 'roles' || one === 'teams') || mentions(left?.Var === undefined ? left : {}, lost);
    }
    return mentions(inner, lost);
  });
}
