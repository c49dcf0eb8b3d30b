// An option that nobody reads is a promise that nobody keeps: each name of the schema, of the options' type and of a
// session's numbers has to be read somewhere beside the schema itself.
import ts from 'typescript';
import { nodesOf, placeOf, type SourceTree } from './source-tree.ts';

/** Where options are checked, and where they are declared: neither is a use. */
const schemaFiles: ReadonlySet<string> = new Set([
  'src/base/config.ts',
  'src/operations/session-config-schema.ts',
]);

/** The suites and systems for tests hand options on; they keep none. */
const testing = 'src/testing/';

/** Names the options that no source reads, and the members of the type that the schema would refuse. */
export function checkOptions(
  tree: SourceTree,
  optionNames: readonly string[],
  numberNames: readonly string[],
): readonly string[] {
  const members = membersOf(tree, 'SystemOptions');
  const numbers = membersOf(tree, 'SessionConfig');
  const read = namesRead(tree);
  const names = new Set([...optionNames, ...numberNames, ...members.keys(), ...numbers.keys()]);
  return [
    ...refused(members, optionNames),
    ...refused(numbers, numberNames),
    ...[...names].filter((name) => !read.has(name)).map((name) => `${name}: an option that nothing reads`),
  ];
}

function refused(members: ReadonlyMap<string, ts.Node>, names: readonly string[]): readonly string[] {
  return [...members]
    .filter(([name]) => !names.includes(name))
    .map(([name, node]) => `${placeOf(node)}: ${name} is in the type, but not in the schema`);
}

/** The members that an interface declares itself. */
function membersOf(tree: SourceTree, name: string): ReadonlyMap<string, ts.Node> {
  const declared = [...tree.values()]
    .flatMap((file) => [...nodesOf(file)])
    .filter(ts.isInterfaceDeclaration)
    .filter((node) => node.name.text === name);
  return new Map(
    declared
      .flatMap(({ members }) => [...members])
      .flatMap((member) =>
        member.name === undefined ? [] : [[member.name.getText(), member.name] as const],
      ),
  );
}

function namesRead(tree: SourceTree): ReadonlySet<string> {
  const sources = [...tree].filter(([path]) => !schemaFiles.has(path) && !path.startsWith(testing));
  return new Set(sources.flatMap(([, file]) => [...nodesOf(file)]).flatMap((node) => nameRead(node) ?? []));
}

/** The member that is read here: `options.name`, `options['name']`, `const { name } = options`. */
function nameRead(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) return isAssigned(node) ? undefined : node.name.text;
  if (ts.isElementAccessExpression(node)) {
    const key = node.argumentExpression;
    return ts.isStringLiteralLike(key) && !isAssigned(node) ? key.text : undefined;
  }
  if (!ts.isBindingElement(node) || !ts.isObjectBindingPattern(node.parent)) return undefined;
  const key = node.propertyName ?? node.name;
  return node.dotDotDotToken === undefined && ts.isIdentifier(key) ? key.text : undefined;
}

function isAssigned(node: ts.Expression): boolean {
  const { parent } = node;
  const isTarget = ts.isBinaryExpression(parent) && parent.left === node;
  return isTarget && parent.operatorToken.kind === ts.SyntaxKind.EqualsToken;
}
