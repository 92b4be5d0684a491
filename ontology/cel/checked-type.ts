import type { ASTNode } from '@marcbachmann/cel-js';

/** The type the checker left on a node; the library keeps it there but does not declare it. */
export function checkedTypeOf(node: ASTNode): string {
  return (node as { checkedType?: { name: string } }).checkedType?.name ?? 'dyn';
}
