// The names that a module exports, as TypeScript sees them: re-exports followed, types told from values.
import ts from 'typescript';

/** `createSystem` for a value, `type Session` for what is there only for types; in the order of their characters. */
export function exportNamesOf(file: string): readonly string[] {
  const program = ts.createProgram([file], {
    module: ts.ModuleKind.NodeNext,
    allowImportingTsExtensions: true,
    noEmit: true,
    noLib: true,
    types: [],
  });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  if (source === undefined) throw new Error(`${file} does not exist: make this entry point, or take it out`);
  const symbol = checker.getSymbolAtLocation(source);
  if (symbol === undefined) return [];
  return checker
    .getExportsOfModule(symbol)
    .map((name) => labelOf(name, checker))
    .sort();
}

function labelOf(symbol: ts.Symbol, checker: ts.TypeChecker): string {
  return isValue(symbol, checker) ? symbol.name : `type ${symbol.name}`;
}

/** Follows a name from file to file: one `export type` on its way, and it is no value any more. */
function isValue(symbol: ts.Symbol, checker: ts.TypeChecker): boolean {
  if ((symbol.flags & ts.SymbolFlags.Alias) === 0) return (symbol.flags & ts.SymbolFlags.Value) !== 0;
  if (symbol.declarations?.some(ts.isTypeOnlyImportOrExportDeclaration)) return false;
  const next = checker.getImmediateAliasedSymbol(symbol);
  return next !== undefined && isValue(next, checker);
}
