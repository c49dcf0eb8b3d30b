// What differs between two values of JSON, each with where it stands.

const longest = 100;

/** One sentence for each difference; none when they are equal. */
export function differences(expected: unknown, found: unknown, place = ''): string[] {
  if (isObject(expected) && isObject(found) && Array.isArray(expected) === Array.isArray(found))
    return [...new Set([...Object.keys(expected), ...Object.keys(found)])].flatMap((member) =>
      differences(expected[member], found[member], place === '' ? member : `${place} › ${member}`),
    );
  return expected === found ? [] : [`${place}: expected ${shown(expected)}, found ${shown(found)}`];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
