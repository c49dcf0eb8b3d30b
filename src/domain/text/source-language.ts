// Which language a file is in, by its name, and its text without comments: same length, same lines, so that places stay.

const languages = ['typescript', 'javascript', 'python', 'go', 'rust', 'java', 'json', 'text'] as const;
export type Language = (typeof languages)[number];

const byExtension: ReadonlyMap<string, Language> = new Map([
  ...(['ts', 'tsx', 'mts', 'cts'] as const).map((end) => [end, 'typescript'] as const),
  ...(['js', 'jsx', 'mjs', 'cjs'] as const).map((end) => [end, 'javascript'] as const),
  ...([['py', 'python'] as const, ['go', 'go'] as const, ['rs', 'rust'] as const] as const),
  ...([['java', 'java'] as const, ['json', 'json'] as const] as const),
]);

export function languageOf(path: string): Language {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return byExtension.get(name.slice(name.lastIndexOf('.') + 1).toLowerCase()) ?? 'text';
}

export interface Masked {
  /** Without comments. */
  readonly code: string;
  /** Without comments and the insides of texts. */
  readonly bare: string;
}

interface Syntax {
  readonly line: string;
  readonly hasBlocks: boolean;
  readonly quotes: string;
}

const likeC: Syntax = { line: '//', hasBlocks: true, quotes: '"\'`' };
const syntaxes: Readonly<Record<Language, Syntax>> = {
  typescript: likeC,
  javascript: likeC,
  go: { ...likeC, quotes: '"`' },
  rust: { ...likeC, quotes: '"' },
  java: { ...likeC, quotes: '"' },
  python: { line: '#', hasBlocks: false, quotes: '"\'' },
  json: { line: '\n', hasBlocks: false, quotes: '"' },
  text: { line: '\n', hasBlocks: false, quotes: '' },
};

/** One pass from front to back. A text in quotes ends with its line, but for one in back quotes. */
export function maskComments(text: string, language: Language): Masked {
  const { line, hasBlocks, quotes } = syntaxes[language];
  const code: string[] = [];
  const bare: string[] = [];
  const put = (from: number, to: number, isCode: boolean, isBare: boolean): void => {
    const piece = text.slice(from, to);
    code.push(isCode ? piece : blank(piece));
    bare.push(isBare ? piece : blank(piece));
  };
  let begin = 0;
  for (let at = 0; at < text.length; ) {
    const char = text[at] ?? '';
    const isComment = line !== '\n' && text.startsWith(line, at);
    const isBlock = hasBlocks && text.startsWith('/*', at);
    const isQuote = quotes.includes(char);
    if (!isComment && !isBlock && !isQuote) {
      at += 1;
      continue;
    }
    put(begin, at, true, true);
    const end = isQuote ? endOfText(text, at, char) : endOf(text, at, isBlock);
    put(at, end, isQuote, false);
    begin = end;
    at = end;
  }
  put(begin, text.length, true, true);
  return { code: code.join(''), bare: bare.join('') };
}

function endOf(text: string, at: number, isBlock: boolean): number {
  const found = text.indexOf(isBlock ? '*/' : '\n', isBlock ? at + 2 : at);
  if (found < 0) return text.length;
  return isBlock ? found + 2 : found;
}

function endOfText(text: string, at: number, quote: string): number {
  const triple = quote.repeat(3);
  if (quote !== '`' && text.startsWith(triple, at)) {
    const found = text.indexOf(triple, at + 3);
    return found < 0 ? text.length : found + 3;
  }
  for (let i = at + 1; i < text.length; i++) {
    const char = text[i];
    if (char === '\\') i += 1;
    else if (char === quote) return i + 1;
    else if (char === '\n' && quote !== '`') return i;
  }
  return text.length;
}

const blank = (piece: string): string => piece.replace(/[^\n]/g, ' ');
