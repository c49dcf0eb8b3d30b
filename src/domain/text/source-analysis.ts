// What can be said of a source file without a parser: its lines and brackets, what it imports, and what it declares. It reads text
// line by line and never runs anything; what only a compiler knows is not claimed.
import { type Language, languageOf, maskComments } from './source-language.ts';

export const analysisLevels = ['syntax', 'dependencies', 'structure', 'full'] as const;
export type AnalysisLevel = (typeof analysisLevels)[number];

interface SourceSyntax {
  readonly lines: number;
  /** Lines with something on them that is no comment. */
  readonly codeLines: number;
  /** False when a bracket outside of texts and comments has no counterpart. */
  readonly balanced: boolean;
  /** The first line on which that shows; null where they are balanced. */
  readonly unbalancedAt: number | null;
}

interface SourceDependencies {
  /** Each once, sorted. */
  readonly relative: readonly string[];
  readonly external: readonly string[];
}

interface SourceSymbol {
  readonly kind: string;
  readonly name: string;
  readonly line: number;
  readonly isExported: boolean;
}

export interface SourceAnalysis {
  readonly language: Language;
  readonly syntax?: SourceSyntax;
  readonly dependencies?: SourceDependencies;
  /** At most 5,000. */
  readonly structure?: readonly SourceSymbol[];
}

const mostSymbols = 5_000;

export function analyseSource(path: string, text: string, level: AnalysisLevel): SourceAnalysis {
  const language = languageOf(path);
  const { code, bare } = maskComments(text, language);
  const has = (part: AnalysisLevel): boolean => level === 'full' || level === part;
  return {
    language,
    ...(has('syntax') && { syntax: syntaxOf(text, bare) }),
    ...(has('dependencies') && { dependencies: dependenciesOf(code, language) }),
    ...(has('structure') && { structure: structureOf(bare, language) }),
  };
}

const closes: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

function syntaxOf(text: string, bare: string): SourceSyntax {
  const lines = text === '' ? 0 : text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  const codeLines = bare.split('\n').filter((line) => line.trim() !== '').length;
  const unbalancedAt = unbalancedLine(bare);
  return { lines, codeLines, balanced: unbalancedAt === null, unbalancedAt };
}

function unbalancedLine(bare: string): number | null {
  const open: { readonly bracket: string; readonly line: number }[] = [];
  let line = 1;
  for (const char of bare) {
    if (char === '\n') line += 1;
    else if (char === '(' || char === '[' || char === '{') open.push({ bracket: char, line });
    else if (closes[char] !== undefined && open.pop()?.bracket !== closes[char]) return line;
  }
  return open.at(-1)?.line ?? null;
}

const script = [
  /\bfrom\s*['"]([^'"\n]+)['"]/g,
  /\bimport\s*\(?\s*['"]([^'"\n]+)['"]/g,
  /\brequire\s*\(\s*['"]([^'"\n]+)['"]/g,
];
const imports: Partial<Record<Language, readonly RegExp[]>> = {
  typescript: script,
  javascript: script,
  python: [/^[ \t]*from[ \t]+([\w.]+)[ \t]+import\b/gm, /^[ \t]*import[ \t]+([\w.]+)/gm],
  go: [/^[ \t]*(?:import[ \t]+)?(?:[\w.]+[ \t]+)?"([\w./-]+)"[ \t]*$/gm],
  rust: [/^[ \t]*(?:pub[ \t]+)?use[ \t]+([\w:]+)/gm],
  java: [/^[ \t]*import[ \t]+(?:static[ \t]+)?([\w.]+)/gm],
};

function dependenciesOf(code: string, language: Language): SourceDependencies {
  const names = new Set<string>();
  for (const pattern of imports[language] ?? [])
    for (const [, name] of code.matchAll(pattern)) if (name !== undefined) names.add(name);
  const sorted = [...names].sort();
  const isRelative = (name: string): boolean => /^(?:\.|crate\b|self\b|super\b)/.test(name);
  return {
    relative: sorted.filter(isRelative),
    external: sorted.filter((name) => !isRelative(name)),
  };
}

/** The first group is there where it is exported, then kind and name. */
const scriptSymbols =
  /^[ \t]{0,64}(export[ \t]+)?(?:default[ \t]+)?(?:(?:abstract|async|declare)[ \t]+)*(class|interface|type|enum|function|const|let|var)\b\*?[ \t]+([A-Za-z_$][\w$]*)/;
const symbols: Partial<Record<Language, RegExp>> = {
  typescript: scriptSymbols,
  javascript: scriptSymbols,
  python: /^[ \t]{0,64}()(?:async[ \t]+)?(def|class)[ \t]+(\w+)/,
  go: /^()(func|type)[ \t]+(?:\([^)\n]{0,200}\)[ \t]*)?(\w+)/,
  rust: /^[ \t]{0,64}(pub(?:\([^)\n]{0,64}\))?[ \t]+)?(?:(?:async|unsafe)[ \t]+)*(fn|struct|enum|trait|mod|type)[ \t]+(\w+)/,
  java: /^[ \t]{0,64}(public[ \t]+)?(?:(?:abstract|final|static)[ \t]+)*(class|interface|enum|record)[ \t]+(\w+)/,
};
const variables: ReadonlySet<string> = new Set(['const', 'let', 'var']);

function structureOf(bare: string, language: Language): readonly SourceSymbol[] {
  const pattern = symbols[language];
  if (pattern === undefined) return [];
  const found: SourceSymbol[] = [];
  for (const [index, line] of bare.split('\n').entries()) {
    const [, exported, kind = '', name = ''] = pattern.exec(line) ?? [];
    const isInner = variables.has(kind) && /^[ \t]/.test(line);
    if (name === '' || isInner) continue;
    if (found.length === mostSymbols) break;
    found.push({ kind, name, line: index + 1, isExported: isExportedBy(language, exported, name) });
  }
  return found;
}

function isExportedBy(language: Language, exported: string | undefined, name: string): boolean {
  if (language === 'go') return /^\p{Lu}/u.test(name);
  return language === 'python' ? !name.startsWith('_') : (exported ?? '') !== '';
}
