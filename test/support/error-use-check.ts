// The catalogue against the sources: what they raise is in it, and what is in it they raise.
import ts from 'typescript';
import type { Catalogue } from './error-docs-check.ts';
import { nodesOf, placeOf, type SourceTree } from './source-tree.ts';

const catalogueFile = 'src/base/error-catalogue.ts';

/** The suites that others run expect codes; they raise none. */
const suites = 'src/testing/';

export function checkErrorUse(catalogue: Catalogue, tree: SourceTree): readonly string[] {
  const sources = [...tree].filter(([path]) => path !== catalogueFile && !path.startsWith(suites));
  const nodes = sources.flatMap(([, file]) => [...nodesOf(file)]);
  const unknown = nodes
    .flatMap((node) => raisedBy(node))
    .filter(({ text }) => !Object.hasOwn(catalogue, text))
    .map((code) => `${placeOf(code)}: raises ${code.text}, which is not in the catalogue`);
  const used = new Set(nodes.filter(isMadeHere).map(({ text }) => text));
  const idle = Object.keys(catalogue).filter((code) => !used.has(code));
  return [...unknown, ...idle.map((code) => `${code}: in the catalogue, but no source uses it`)];
}

/** The codes that stand in `new HoldfastError(…)` as its first argument, also within a condition. */
function raisedBy(node: ts.Node): readonly ts.StringLiteralLike[] {
  if (!ts.isNewExpression(node) || !ts.isIdentifier(node.expression)) return [];
  const [code] = node.arguments ?? [];
  if (node.expression.text !== 'HoldfastError' || code === undefined) return [];
  return outcomesOf(code);
}

function outcomesOf(node: ts.Expression): readonly ts.StringLiteralLike[] {
  if (ts.isStringLiteralLike(node)) return [node];
  if (ts.isConditionalExpression(node)) return [...outcomesOf(node.whenTrue), ...outcomesOf(node.whenFalse)];
  if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node)) return outcomesOf(node.expression);
  return [];
}

/**
 * True for a text that is a value of its own: a code may be handed on before it is raised. A type is none, and to
 * recognise a code (`HoldfastError.is(e, 'X')`, `e.code === 'X'`, `case 'X'`) is not to raise it.
 */
function isMadeHere(node: ts.Node): node is ts.StringLiteralLike {
  if (!ts.isStringLiteralLike(node)) return false;
  const { parent } = node;
  if (ts.isLiteralTypeNode(parent) || ts.isCaseClause(parent)) return false;
  if (ts.isBinaryExpression(parent)) return !comparisons.has(parent.operatorToken.kind);
  if (!ts.isCallExpression(parent) || !ts.isPropertyAccessExpression(parent.expression)) return true;
  return parent.expression.name.text !== 'is';
}

const comparisons: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.EqualsEqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsEqualsToken,
  ts.SyntaxKind.EqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsToken,
]);
