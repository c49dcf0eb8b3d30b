// How a value that a codec has written stands in JSON: as `{ $codec, value }`, one value and no object with members.
export const codecTag = '$codec';

/** A plain object that has a member of the tag's name. */
export const escapedObject = 'object';

/** The name of the codec that wrote it; undefined for everything else. */
export function codecOf(value: object): string | undefined {
  if (!Object.hasOwn(value, codecTag) || !Object.hasOwn(value, 'value')) return undefined;
  const { [codecTag]: name } = value as { readonly [codecTag]: unknown };
  return typeof name === 'string' && Object.keys(value).length === 2 ? name : undefined;
}
