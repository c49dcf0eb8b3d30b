// What each file must be by itself: in a room, short, without default export or mutable module state.
import ts from 'typescript';
import { entryBarrels, longestFile, roomPlan } from './architecture-plan.ts';
import { roomOf } from './import-check.ts';
import { placeOf, type SourceTree } from './source-tree.ts';

export function checkFiles(tree: SourceTree): readonly string[] {
  const violations = [...tree].flatMap(([path, file]) => [
    ...checkRoom(path),
    ...checkLength(path, file.text),
    ...checkBarrel(path, file),
    ...file.statements.flatMap((statement) => checkStatement(statement)),
  ]);
  return [...new Set(violations)];
}

function checkRoom(path: string): readonly string[] {
  const room = roomOf(path);
  if (Object.hasOwn(roomPlan, room)) return [];
  return [`${path.split('/').slice(0, 2).join('/')}: the plan has no room of this name`];
}

function checkLength(path: string, text: string): readonly string[] {
  const lines = text.replace(/\n$/, '').split('\n').length;
  return lines > longestFile ? [`${path}: ${lines} lines, the limit is ${longestFile}`] : [];
}

function checkBarrel(path: string, file: ts.SourceFile): readonly string[] {
  if (!path.endsWith('/index.ts')) return [];
  if (!entryBarrels.includes(path)) return [`${path}: barrels stand only at entry points`];
  return file.statements
    .filter((statement) => !ts.isExportDeclaration(statement) || statement.moduleSpecifier === undefined)
    .map((statement) => `${placeOf(statement)}: an entry barrel holds re-exports only`);
}

function checkStatement(statement: ts.Statement): readonly string[] {
  if (isDefaultExport(statement)) return [`${placeOf(statement)}: default export`];
  if (ts.isVariableStatement(statement)) return checkVariables(statement.declarationList);
  if (ts.isClassDeclaration(statement)) return statement.members.flatMap((member) => checkMember(member));
  return [];
}

function isDefaultExport(statement: ts.Statement): boolean {
  if (ts.isExportAssignment(statement)) return true;
  if (ts.isExportDeclaration(statement)) return exportedNames(statement).includes('default');
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
  return modifiers.some((modifier) => modifier.kind === ts.SyntaxKind.DefaultKeyword);
}

function exportedNames({ exportClause }: ts.ExportDeclaration): readonly string[] {
  if (exportClause === undefined) return [];
  return ts.isNamedExports(exportClause)
    ? exportClause.elements.map((element) => element.name.text)
    : [exportClause.name.text];
}

function checkVariables(list: ts.VariableDeclarationList): readonly string[] {
  const isConst = (list.flags & ts.NodeFlags.BlockScoped) === ts.NodeFlags.Const;
  const isVar = (list.flags & ts.NodeFlags.BlockScoped) === 0;
  return list.declarations
    .filter((declaration) => !isConst || isEmptyCollection(declaration.initializer))
    .map((declaration) => {
      const keyword = isConst ? 'const' : isVar ? 'var' : 'let';
      return `${placeOf(declaration)}: mutable module state: ${keyword} ${declaration.name.getText()}`;
    });
}

/**
 * A collection that begins empty at module level is there to be filled, so `const` does not make it a constant.
 * A WeakMap is not meant: what it holds belongs to its keys, and those belong to somebody.
 */
function isEmptyCollection(value: ts.Expression | undefined): boolean {
  if (value === undefined || !ts.isNewExpression(value) || !ts.isIdentifier(value.expression)) return false;
  return /^(Map|Set)$/.test(value.expression.text) && (value.arguments ?? []).length === 0;
}

function checkMember(member: ts.ClassElement): readonly string[] {
  if (!ts.isPropertyDeclaration(member)) return [];
  const kinds = (ts.getModifiers(member) ?? []).map((modifier) => modifier.kind);
  const fixed = !kinds.includes(ts.SyntaxKind.StaticKeyword) || kinds.includes(ts.SyntaxKind.ReadonlyKeyword);
  return fixed ? [] : [`${placeOf(member)}: mutable module state: static ${member.name.getText()}`];
}
