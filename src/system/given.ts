// What functions that need no system are given, looked at before anything is touched: a mistake is named by the function and its member.

/** All members that the options have: whether each must be a text, or may be left out. */
export type Members<Options> = { readonly [Name in keyof Options]-?: 'text' | 'optional' };

/** @throws TypeError where a member that must be a text is none, and where there is one that nobody knows. */
export function assertGiven<Options>(what: string, options: Options, members: Members<Options>): void {
  const names = Object.keys(members) as (keyof Options & string)[];
  const texts = names.filter((name) => members[name] === 'text');
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`${what}: give an object with ${(texts.length > 0 ? texts : names).join(' and ')}`);
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(members, name));
  if (unknown !== undefined)
    throw new TypeError(`${what}: there is no option ${unknown}, but ${names.join(', ')}`);
  for (const name of texts) assertText(what, name, options[name]);
}

/** @throws TypeError where it is none. */
export function assertText(what: string, name: string, value: unknown): void {
  if (typeof value !== 'string' || value === '')
    throw new TypeError(`${what}: ${name} must be a text that is not empty`);
}
