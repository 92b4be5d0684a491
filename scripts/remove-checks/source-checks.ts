import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { type Checked, type Removal, shorten } from './removal.ts';

/** Of the gate: what `decide` is made of. Of the store: every file. Found, not listed. */
export function sourceChecks(root: string): Checked[] {
  const gate = [...importedBy(root, 'policy/decide.ts')].sort();
  const store = ['store', 'store/saga']
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .sort();
  return [...gate.map((path) => checksOf(root, path, 'gate')), ...store.map((path) => checksOf(root, path, 'store'))].filter(
    ({ removals }) => removals.length > 0,
  );
}

/** What a file imports for more than its types, and so on; the language of conditions has tests of its own and is left out. */
function importedBy(root: string, path: string, found = new Set<string>()): Set<string> {
  if (found.has(path) || path.includes('/cel/') || !existsSync(join(root, path))) return found;
  found.add(path);
  const text = readFileSync(join(root, path), 'utf8');
  for (const [, what = '', from = ''] of text.matchAll(/^import (.*?) from '(\.[^']+)'/gm)) {
    if (!what.startsWith('type ')) importedBy(root, normalize(join(dirname(path), from)), found);
  }
  return found;
}

const refuses = /\brefus(e\w*|al)\b|\bundone\(|\bsendBack\(|\bhold\(|\beligible: false|\ballowed: false/;

function checksOf(root: string, path: string, lane: 'gate' | 'store'): Checked {
  const text = readFileSync(join(root, path), 'utf8');
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: Removal[] = [];
  /** Each of several conditions by itself, since each is a check. */
  const takeEach = (condition: ts.Expression, operator: ts.SyntaxKind, by: 'true' | 'false', around: ts.Node) => {
    for (const node of operandsOf(condition, operator)) {
      const words = shorten(node.getText(file));
      const check = node === around ? words : `${words}  IN  ${shorten(around.getText(file))}`;
      found.push({ lane, where: path, check, from: node.getStart(file), to: node.end, by });
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isIfStatement(node) && refuses.test(node.thenStatement.getText(file))) {
      takeEach(node.expression, ts.SyntaxKind.BarBarToken, 'false', node);
    } else if (ts.isConditionalExpression(node)) {
      const [refusedIf, refusedIfNot] = [node.whenTrue, node.whenFalse].map((branch) => refuses.test(branch.getText(file)));
      if (refusedIf && !refusedIfNot) takeEach(node.condition, ts.SyntaxKind.BarBarToken, 'false', node);
      if (refusedIfNot && !refusedIf) takeEach(node.condition, ts.SyntaxKind.AmpersandAmpersandToken, 'true', node);
    } else if (lane === 'gate' && isChain(node) && isWhole(node)) {
      const isAll = node.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken;
      takeEach(node, node.operatorToken.kind, isAll ? 'true' : 'false', node);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { lane, where: path, text, removals: found };
}

function isChain(node: ts.Node): node is ts.BinaryExpression {
  const { AmpersandAmpersandToken: and, BarBarToken: or } = ts.SyntaxKind;
  return ts.isBinaryExpression(node) && (node.operatorToken.kind === and || node.operatorToken.kind === or);
}

/** What a function answers, or a name stands for. Conditions of refusals are taken where they stand. */
function isWhole({ parent }: ts.Node): boolean {
  const outer = ts.isParenthesizedExpression(parent) ? parent.parent : parent;
  return ts.isReturnStatement(outer) || ts.isArrowFunction(outer) || ts.isVariableDeclaration(outer);
}

function operandsOf(expression: ts.Expression, operator: ts.SyntaxKind): ts.Expression[] {
  const inner = ts.isParenthesizedExpression(expression) ? expression.expression : expression;
  if (!ts.isBinaryExpression(inner) || inner.operatorToken.kind !== operator) return [expression];
  return [...operandsOf(inner.left, operator), ...operandsOf(inner.right, operator)];
}
