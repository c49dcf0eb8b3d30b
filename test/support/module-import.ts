// What a file imports, in every way in which it can be written. Type imports count: they are knowledge too.
import ts from 'typescript';
import { nodesOf } from './source-tree.ts';

export interface ModuleImport {
  readonly specifier: string;
  /** True when nothing of it is left at run time. `import { type A }` is not: it still loads the module. */
  readonly typeOnly: boolean;
  /** True when every name that it takes is a type, in whichever way that is written. */
  readonly typesAlone: boolean;
}

export function importsOf(file: ts.SourceFile): readonly ModuleImport[] {
  return [...nodesOf(file)].flatMap((node) => importOf(node) ?? []);
}

function importOf(node: ts.Node): ModuleImport | undefined {
  if (ts.isImportDeclaration(node)) {
    const names = node.importClause?.namedBindings;
    const elements = names !== undefined && ts.isNamedImports(names) ? names.elements : [];
    const typeOnly = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
    const onlyNames = node.importClause?.name === undefined && elements.length > 0;
    return named(node.moduleSpecifier, typeOnly, onlyNames && elements.every((name) => name.isTypeOnly));
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    const elements =
      node.exportClause !== undefined && ts.isNamedExports(node.exportClause)
        ? node.exportClause.elements
        : [];
    const allTypes = elements.length > 0 && elements.every((name) => name.isTypeOnly);
    return named(node.moduleSpecifier, node.isTypeOnly, allTypes);
  }
  if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference)) {
    return named(node.moduleReference.expression, node.isTypeOnly);
  }
  if (ts.isImportTypeNode(node)) {
    return ts.isLiteralTypeNode(node.argument) ? named(node.argument.literal, true) : undefined;
  }
  return ts.isCallExpression(node) && loads(node.expression) ? named(node.arguments[0], false) : undefined;
}

function named(
  specifier: ts.Node | undefined,
  typeOnly: boolean,
  allTypes = false,
): ModuleImport | undefined {
  if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return undefined;
  return { specifier: specifier.text, typeOnly, typesAlone: typeOnly || allTypes };
}

function loads(callee: ts.Expression): boolean {
  return (
    callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require')
  );
}
