import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { type Removal, shorten } from './removal.ts';

/** Of the gate: what `decide` is made of. Of the store: every file that asks the gate, the policies, the quorum or the switches. Found, not listed. */
export function sourceChecks(root: string): Removal[] {
  const gate = [...importedBy(root, 'policy/decide.ts')].sort();
  const asks =
    /\b(decide\(|askPolicies|forbiddenByPolicy|mayNotSee|refusalToAdminister|settleQuorum|isSecondPerson|mayReview|obstaclesOf|readForExecution|stopOf)\b/;
  const store = readdirSync(join(root, 'store'))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => `store/${name}`)
    .filter((path) => asks.test(readFileSync(join(root, path), 'utf8')))
    .sort();
  return [...gate.flatMap((path) => checksOf(root, path, 'gate')), ...store.flatMap((path) => checksOf(root, path, 'store'))];
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

function checksOf(root: string, path: string, lane: 'gate' | 'store'): Removal[] {
  const text = readFileSync(join(root, path), 'utf8');
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: Removal[] = [];
  const take = (node: ts.Node, replacement: string, around: ts.Node, hint: string) => {
    const without = text.slice(0, node.getStart(file)) + replacement + text.slice(node.end);
    const check = node === around ? shorten(node.getText(file)) : `${shorten(node.getText(file))}  IN  ${shorten(around.getText(file))}`;
    found.push({ lane, where: path, check, without, hints: [...hint.matchAll(/'(\w+)'/g)].map(([, code = '']) => code) });
  };
  /** Each of several conditions by itself, since each is a check. */
  const takeEach = (condition: ts.Expression, operator: ts.SyntaxKind, replacement: string, around: ts.Node) => {
    for (const operand of operandsOf(condition, operator)) take(operand, replacement, around, around.getText(file));
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
  return found;
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
