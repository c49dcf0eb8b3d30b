// The whole plan at once: every violation that the sources show, by name.
import { checkDomain } from './domain-check.ts';
import { checkFiles } from './file-check.ts';
import { checkImports } from './import-check.ts';
import type { SourceTree } from './source-tree.ts';

export function checkArchitecture(tree: SourceTree): readonly string[] {
  return [...checkFiles(tree), ...checkImports(tree), ...checkDomain(tree)];
}
