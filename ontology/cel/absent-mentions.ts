import type { ASTNode } from '@marcbachmann/cel-js';
import { childrenOf } from './ast-children.ts';
import { ObjectView } from './object-view.ts';

/** A value that an expression mentions and that is absent: of a variable, or of a property of the object that the variable stands for. */
export interface AbsentMention {
  variable: string;
  property?: string;
}

const mostNamed = 5;

/** What an expression mentions and does not find, outside its own loops: why arithmetic fails is otherwise told of types alone. */
export function absentMentions(root: ASTNode, frame: Readonly<Record<string, unknown>>): AbsentMention[] {
  const found = new Map<string, AbsentMention>();
  const visit = (node: ASTNode): void => {
    if (found.size === mostNamed) return;
    const target = node.op === '.' && node.args[0].op === 'id' ? node.args[0].args : undefined;
    const view = target === undefined ? undefined : frame[target];
    if (node.op === '.' && target !== undefined && view instanceof ObjectView) {
      if (view[node.args[1]] === null) note(target, node.args[1]);
      return;
    }
    if (node.op === 'id' && frame[node.args] === null) note(node.args);
    childrenOf(node).forEach(visit);
  };
  const note = (name: string, property?: string) => {
    const variable = name.replace(/^_/, ''); // As its author wrote it.
    found.set(`${variable}.${property}`, { variable, ...(property === undefined ? {} : { property }) });
  };
  visit(root);
  return [...found.values()];
}

/** In the words of the definition's author, without an id: which object stands behind a variable may be a secret. */
export function absenceWords(absent: readonly AbsentMention[]): string {
  const names = absent.map(({ variable, property }) => (property === undefined ? variable : `${variable}.${property}`));
  return names.length === 0 ? '' : `, where ${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} absent`;
}
