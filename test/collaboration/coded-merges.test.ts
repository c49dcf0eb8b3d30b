// What a codec has written is one value: no patch and no policy makes one of two halves.
import { expect, test } from 'vitest';
import { richCodecs } from '../../src/base/payload-codec.ts';
import { createTestSystem } from '../../src/testing/index.ts';

const date = (ms: number): Date => new Date(ms);
const of = { spaceId: 'S', sessionId: 'a' };

async function merged(policy: 'deep-merge' | 'three-way', base: unknown, theirs: unknown, mine: unknown) {
  await using system = await createTestSystem({ codecs: richCodecs });
  const { sessions, spaces } = system.client;
  await sessions.create({ sessionId: 'a' });
  await spaces.create({ spaceId: 'S', policies: [{ key: 'k', policy }] });
  await spaces.join(of);
  const { version } = await spaces.set({ ...of, key: 'k', value: { d: base } });
  await spaces.set({ ...of, key: 'k', value: { d: theirs } });
  const { outcome } = await spaces.set({ ...of, key: 'k', value: { d: mine }, baseVersion: version });
  return [outcome, ((await spaces.get({ ...of, key: 'k' })).value as { readonly d: unknown }).d];
}

test.each([
  ['the later of two kinds', 1, new Map([['a', 1]]), date(9), date(9)],
  ['an object before one value', 1, { a: 1 }, date(9), { a: 1 }],
  ['an object that looks like half of it', 1, date(9), { value: 'x' }, { value: 'x' }],
  ['the later of one kind', 1, /b/g, /a/i, /a/i],
  ['the items of both sets', 1, new Set([1, 2]), new Set([1, 3]), new Set([1, 2, 3])],
])('a deep merge takes %s', async (_, base, theirs, mine, value) => {
  const [, found] = await merged('deep-merge', base, theirs, mine);
  expect(found).toEqual(value);
});

test('three ways of one value are no merge of its halves', async () => {
  const mine = new Map([['a', 1]]);
  expect(await merged('three-way', new Map(), new Set(), mine)).toEqual(['conflict', new Set()]);
});

test.each([
  ['a value that is replaced by an object', { d: date(5) }, { d: { a: 1 } }, { d: { a: 1 } }],
  ['one of its halves', { d: date(5) }, { d: { value: null } }, { d: {} }],
  ['one kind by another', { d: new Map([['a', 1]]) }, { d: date(5) }, { d: date(5) }],
  ['what is undefined', {}, { d: undefined }, { d: undefined }],
])('a patch of %s', async (_, value, patch, expected) => {
  await using system = await createTestSystem({ codecs: richCodecs });
  const { sessions, spaces } = system.client;
  await sessions.create({ sessionId: 'a' });
  await spaces.create({ spaceId: 'S' });
  await spaces.join(of);
  await spaces.set({ ...of, key: 'k', value });
  await spaces.patch({ ...of, key: 'k', patch });
  expect((await spaces.get({ ...of, key: 'k' })).value).toStrictEqual(expected);
});
