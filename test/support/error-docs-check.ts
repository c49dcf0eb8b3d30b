// docs/errors.md against the catalogue: every code has its section, every section its code, and they say the same.

interface CatalogueEntry {
  readonly message: string;
  readonly retryable: boolean;
}

export type Catalogue = Readonly<Record<string, CatalogueEntry>>;

interface Section {
  readonly code: string;
  readonly text: string;
}

/**
 * Names the codes without a section and the sections without a code; sections that come twice, have the wrong
 * `Retryable: yes|no`, no `What to do: …`, or leave out a detail that the message shows.
 */
export function checkErrorDocs(catalogue: Catalogue, markdown: string): readonly string[] {
  const sections = sectionsOf(markdown);
  const documented = sections.map(({ code }) => code);
  const missing = Object.keys(catalogue).filter((code) => !documented.includes(code));
  const repeated = documented.filter((code, index) => documented.indexOf(code) < index);
  return [
    ...missing.map((code) => `${code}: in the catalogue, but without a section in the docs`),
    ...repeated.map((code) => `${code}: has more than one section in the docs`),
    ...sections.flatMap((section) => checkSection(section, catalogue)),
  ];
}

function sectionsOf(markdown: string): readonly Section[] {
  return markdown.split(/^(?=#{1,3} )/m).flatMap((text) => {
    const code = /^### `?([A-Z][A-Z0-9_]*)`?[ \t]*$/m.exec(text)?.[1];
    return code === undefined ? [] : [{ code, text }];
  });
}

function checkSection({ code, text }: Section, catalogue: Catalogue): readonly string[] {
  const entry = Object.hasOwn(catalogue, code) ? catalogue[code] : undefined;
  if (entry === undefined) return [`${code}: in the docs, but not in the catalogue`];
  return [
    ...checkRetryable(code, text, entry.retryable),
    ...(hasAdvice(text) ? [] : [`${code}: the docs do not say what to do`]),
    ...detailsOf(entry)
      .filter((detail) => !text.includes(`\`${detail}\``))
      .map((detail) => `${code}: the docs do not explain its detail ${detail}`),
  ];
}

function checkRetryable(code: string, text: string, retryable: boolean): readonly string[] {
  const expected = retryable ? 'yes' : 'no';
  const found = /^Retryable: (yes|no)$/m.exec(text)?.[1];
  if (found === expected) return [];
  if (found === undefined) return [`${code}: the docs do not say whether it is retryable`];
  return [`${code}: the docs say "Retryable: ${found}", the catalogue says ${expected}`];
}

/** Advice is a paragraph of its own that begins with its label and ends as a sentence. */
function hasAdvice(text: string): boolean {
  return text.split(/\n\s*\n/).some((paragraph) => /^What to do: \S.*\.$/s.test(paragraph.trim()));
}

function detailsOf({ message }: CatalogueEntry): readonly string[] {
  return [...message.matchAll(/\{(\w+)\}/g)].flatMap(([, name]) => name ?? []);
}
