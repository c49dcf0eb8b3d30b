// What a file imports, in every way in which it can be written. Type imports count: they are knowledge too.
import ts from 'typescript';
import { nodesOf } from './source-tree.ts';

export interface ModuleImport {
  readonly specifier: string;
  /** True when nothing of it is left at run time. `import { type A }` is not: it still loads the module. */
  readonly typeOnly: boolean;
}

export function importsOf(file: ts.SourceFile): readonly ModuleImport[] {
  return [...nodesOf(file)].flatMap((node) => importOf(node) ?? []);
}

function importOf(node: ts.Node): ModuleImport | undefined {
  if (ts.isImportDeclaration(node)) return named(node.moduleSpecifier, isTypeImport(node.importClause));
  if (ts.isExportDeclaration(node)) return named(node.moduleSpecifier, node.isTypeOnly);
  if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference)) {
    return named(node.moduleReference.expression, node.isTypeOnly);
  }
  if (ts.isImportTypeNode(node)) {
    return ts.isLiteralTypeNode(node.argument) ? named(node.argument.literal, true) : undefined;
  }
  return ts.isCallExpression(node) && loads(node.expression) ? named(node.arguments[0], false) : undefined;
}

export function isTypeImport(clause: ts.ImportClause | undefined): boolean {
  return clause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
}

/** A path that is computed at run time names nothing here. */
function named(specifier: ts.Node | undefined, typeOnly: boolean): ModuleImport | undefined {
  return specifier !== undefined && ts.isStringLiteralLike(specifier)
    ? { specifier: specifier.text, typeOnly }
    : undefined;
}

function loads(callee: ts.Expression): boolean {
  return (
    callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require')
  );
}
