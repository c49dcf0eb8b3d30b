// The law is pure: no clock, no chance, no process, and machines that start nothing and wait for nothing by themselves.
import ts from 'typescript';
import { importsOf, isTypeImport } from './module-import.ts';
import { nodesOf, placeOf, type SourceTree } from './source-tree.ts';

const impureGlobals: ReadonlySet<string> = new Set([
  ...['crypto', 'performance', 'process', 'globalThis', 'fetch'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'],
]);

/** What base holds of clock and chance. Their types are harmless. */
const impureOfBase: ReadonlySet<string> = new Set(['systemClock', 'delay', 'randomId', 'randomSalt']);

const livelyKeys: ReadonlySet<string> = new Set(['invoke', 'after', 'spawn', 'delay', 'delays']);

const livelyOfXstate = /^(spawn\w*|from(Promise|Callback|Observable|EventObservable))$/;

export function checkDomain(tree: SourceTree, folder = 'src/domain/'): readonly string[] {
  return [...tree]
    .filter(([path]) => path.startsWith(folder))
    .flatMap(([, file]) => [...checkGlobals(file), ...checkImported(file), ...checkMachine(file)]);
}

function checkGlobals(file: ts.SourceFile): readonly string[] {
  const nodes = [...nodesOf(file)].filter(ts.isIdentifier);
  const declared = new Set(nodes.filter(isDeclaration).map((node) => node.text));
  return nodes
    .filter((node) => !declared.has(node.text) && isReference(node))
    .flatMap((node) => {
      const use = impureUse(node);
      return use === undefined ? [] : [`${placeOf(node)}: the law may not use ${use}`];
    });
}

function impureUse(node: ts.Identifier): string | undefined {
  if (impureGlobals.has(node.text)) return node.text;
  const { parent } = node;
  const member =
    ts.isPropertyAccessExpression(parent) && parent.expression === node ? parent.name.text : undefined;
  if (node.text === 'Math') return member === undefined || member === 'random' ? 'Math.random' : undefined;
  if (node.text !== 'Date') return undefined;
  if (member === 'parse' || member === 'UTC') return undefined;
  if (member !== undefined) return `Date.${member}`;
  if (!ts.isNewExpression(parent)) return 'Date';
  return (parent.arguments ?? []).length > 0 ? undefined : 'new Date()';
}

function isDeclaration(node: ts.Identifier): boolean {
  const { parent } = node;
  const declares =
    ts.isVariableDeclaration(parent) ||
    ts.isParameter(parent) ||
    ts.isBindingElement(parent) ||
    ts.isFunctionDeclaration(parent) ||
    ts.isImportSpecifier(parent);
  return declares && parent.name === node;
}

/** True where the identifier stands for a value, not for a member, a key or a type. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPartOfTypeNode(node) || ts.isImportOrExportSpecifier(parent)) return false;
  if (ts.isBindingElement(parent) && parent.propertyName === node) return false;
  if (ts.isShorthandPropertyAssignment(parent)) return true;
  return !('name' in parent && parent.name === node);
}

function checkImported(file: ts.SourceFile): readonly string[] {
  return [...nodesOf(file)].filter(ts.isImportSpecifier).flatMap((name) => {
    const clause = name.parent.parent;
    const from = clause.parent.moduleSpecifier;
    if (name.isTypeOnly || isTypeImport(clause)) return [];
    const source = ts.isStringLiteral(from) ? from.text : '';
    const imported = (name.propertyName ?? name.name).text;
    if (/\/base\//.test(source) && impureOfBase.has(imported)) {
      return [`${placeOf(name)}: the law may not use ${imported}`];
    }
    if (!/^xstate(\/|$)/.test(source) || !livelyOfXstate.test(imported)) return [];
    return [`${placeOf(name)}: a machine of the law may not use ${imported}`];
  });
}

/** Only in files that build machines: elsewhere `after` is an ordinary word. */
function checkMachine(file: ts.SourceFile): readonly string[] {
  const machines = importsOf(file).some(
    ({ specifier, typeOnly }) => !typeOnly && /^xstate\b/.test(specifier),
  );
  if (!machines) return [];
  return [...nodesOf(file)].flatMap((node) => {
    const key = livelyKeyOf(node);
    return key === undefined ? [] : [`${placeOf(node)}: a machine of the law may not have ${key}`];
  });
}

function livelyKeyOf(node: ts.Node): string | undefined {
  const isMember =
    ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node) || ts.isMethodDeclaration(node);
  if (isMember) {
    const key = ts.isIdentifier(node.name) || ts.isStringLiteral(node.name) ? node.name.text : '';
    return livelyKeys.has(key) ? key : undefined;
  }
  const callee = ts.isCallExpression(node) ? node.expression : undefined;
  return callee !== undefined && ts.isIdentifier(callee) && callee.text === 'spawn' ? 'spawn' : undefined;
}
