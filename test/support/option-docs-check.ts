// docs/options.md against the schema: one row for every option and every number of a session, with the defaults that hold.

type Defaults = Readonly<Record<string, unknown>>;

export interface Documented {
  /** The heading of the table. */
  readonly heading: string;
  readonly names: readonly string[];
  /** What holds without the option, and with `limits: 'strict'`; names that are not in it have no value to compare. */
  readonly defaults: Defaults;
  readonly strict: Defaults;
}

/** Rows are `| \`name\` | meaning | default | strict |`. */
export function checkOptionDocs(markdown: string, tables: readonly Documented[]): readonly string[] {
  return tables.flatMap((table) => checkTable(rowsBelow(markdown, table.heading), table));
}

interface Row {
  readonly name: string;
  readonly cells: readonly string[];
}

function rowsBelow(markdown: string, heading: string): readonly Row[] {
  const section = markdown.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| `(\w+)` \|(.*)\|$/gm)].map(([, name = '', rest = '']) => ({
    name,
    cells: rest.split('|').map((cell) => cell.trim()),
  }));
}

function checkTable(
  rows: readonly Row[],
  { heading, names, defaults, strict }: Documented,
): readonly string[] {
  const found = rows.map(({ name }) => name);
  return [
    ...names
      .filter((name) => !found.includes(name))
      .map((name) => `${name}: not in the docs, under ${heading}`),
    ...found
      .filter((name, index) => !names.includes(name) || found.indexOf(name) < index)
      .map((name) => `${name}: in the docs, under ${heading}, but no option, or twice`),
    ...rows.flatMap(({ name, cells }) => [
      ...(cells[0] ? [] : [`${name}: the docs do not say what it is`]),
      ...checkValue(name, cells[1], defaults, 'default'),
      ...checkValue(name, cells[2], strict, 'strict'),
    ]),
  ];
}

function checkValue(
  name: string,
  cell: string | undefined,
  values: Defaults,
  which: string,
): readonly string[] {
  if (!Object.hasOwn(values, name) || values[name] === undefined) return [];
  const expected = textOfDefault(values[name]);
  return cell === expected ? [] : [`${name}: the docs say ${which} ${cell ?? ''}, it is ${expected}`];
}

/** Numbers with a comma between thousands; null is written as `null`. */
function textOfDefault(value: unknown): string {
  return typeof value === 'number' ? value.toLocaleString('en-US') : `\`${String(value)}\``;
}
