import type { ASTNode } from '@marcbachmann/cel-js';
import { childrenOf } from './ast-children.ts';
import { running } from './cel-environment.ts';

/**
 * Whether a condition about a principal may hold for somebody without this role for whom it did not hold with it. `'keeper' in reviewer.roles` does not, and what is put together
 * of such does not; its negation does; of what speaks of roles in another way it cannot be told.
 */
export function mayHoldWithout(text: string, role: string): boolean {
  const tree = parsed(text);
  return tree === null || mayBecome(tree, role, true);
}

/** Whether it may fail for somebody without it for whom it held. */
export function mayFailWithout(text: string, role: string): boolean {
  const tree = parsed(text);
  return tree === null || mayBecome(tree, role, false);
}

/** Whether what a text computes may be something else for somebody without it. What is no expression computes nothing. */
export function mayChangeWithout(text: string, role: string): boolean {
  const tree = parsed(text);
  return tree !== null && (mayBecome(tree, role, true) || mayBecome(tree, role, false));
}

/** Whether a condition may go by this fact of a plan. */
export function goesBy(text: string, fact: string): boolean {
  const visit = (node: ASTNode): boolean => {
    if (node.op === '.' && node.args[0].op === 'id' && node.args[0].args === 'plan') return node.args[1] === fact;
    return (node.op === 'id' && node.args === 'plan') || childrenOf(node).some(visit);
  };
  const tree = parsed(text);
  return tree === null || visit(tree);
}

function parsed(text: string): ASTNode | null {
  try {
    return running.parse(text).ast;
  } catch {
    return null;
  }
}

function mayBecome(node: ASTNode, role: string, isWanted: boolean): boolean {
  switch (node.op) {
    case '&&':
    case '||':
      return node.args.some((one: ASTNode) => mayBecome(one, role, isWanted));
    case '!_':
      return mayBecome(node.args, role, !isWanted);
    case 'in': {
      const [name, list] = node.args;
      // With a role less nothing is in the list that was not.
      if (isRoles(list) && name.op === 'value') return !isWanted && name.args === role;
      return mentionsRoles(node);
    }
    default:
      return mentionsRoles(node);
  }
}

const isRoles = (node: ASTNode) => node.op === '.' && node.args[1] === 'roles';

/** Also a principal as a whole, which has its roles. */
function mentionsRoles(node: ASTNode): boolean {
  if (node.op === '.' && node.args[0].op === 'id') return node.args[1] === 'roles';
  if (node.op === 'id') return ['reviewer', 'proposer', 'reader'].includes(node.args);
  return isRoles(node) || childrenOf(node).some(mentionsRoles);
}
