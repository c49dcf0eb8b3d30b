// Events of earlier versions are brought to the present one; those of today pass as they are, and those of tomorrow are refused.
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { libraryVersion } from '../../src/base/library-version.ts';
import type { LawEvent } from '../../src/domain/law.ts';
import { sessionEventVersions } from '../../src/domain/session/session-events.ts';
import { type Upcasters, upcast, upcasters, upcastWith } from '../../src/domain/upcasters.ts';
import { ownVersions } from '../../src/system/store-laws.ts';
import { errorOf } from '../support/outcome.ts';

const chains: Upcasters = {
  'line.added': [
    (data) => ({ text: (data as { line: string }).line }),
    (data) => ({ ...(data as object), words: (data as { text: string }).text.split(' ').length }),
  ],
};

const event = (type: string, typeVersion: number, data: unknown): LawEvent =>
  Object.freeze({ stream: 'ledger/one', seq: 7, at: 1, type, typeVersion, data });

describe('an event', () => {
  test('of an earlier version goes through every step after it', () => {
    const up = upcastWith(chains);
    const expected = { text: 'a b', words: 2 };
    expect(up(event('line.added', 1, { line: 'a b' }))).toMatchObject({ typeVersion: 3, data: expected });
    expect(up(event('line.added', 2, { text: 'a b' }))).toMatchObject({ typeVersion: 3, data: expected });
  });

  test('of the present version passes uncopied, also of a type without steps', () => {
    for (const each of [event('line.added', 3, {}), event('other', 1, {})])
      expect(upcastWith(chains)(each)).toBe(each);
    const plain = event('message.sent', 1, {});
    expect(upcast(plain)).toBe(plain);
  });

  test('of a newer version is refused, and said to be newer', async () => {
    const up = upcastWith(chains);
    for (const [type, typeVersion, supported] of [
      ['line.added', 4, 3],
      ['other', 2, 1],
    ] as const) {
      const error = await errorOf(Promise.resolve().then(() => up(event(type, typeVersion, {}))));
      expect(error).toMatchObject({
        code: 'VERSION_TOO_NEW',
        details: { what: `event ${type}`, found: typeVersion, supported, stream: 'ledger/one', seq: 7 },
      });
    }
  });

  test('that was erased stays erased', () => {
    expect(upcastWith(chains)(event('line.added', 1, undefined))).toMatchObject({
      typeVersion: 3,
      data: undefined,
    });
  });

  test('whose step throws is named, with the step that failed', async () => {
    const up = upcastWith(chains);
    const error = await errorOf(Promise.resolve().then(() => up(event('line.added', 2, {}))));
    expect(error).toMatchObject({ code: 'UPCAST_FAILED', details: { seq: 7, found: 2, supported: 3 } });
  });

  test('comes out the same each time, frozen, and what goes in is not changed', () => {
    const up = upcastWith(chains);
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(1, 2, 3), (line, version) => {
        const data = version === 1 ? { line } : { text: line };
        const before = event('line.added', version, data);
        const text = JSON.stringify(before);
        const [once, twice] = [up(before), up(before)];
        expect(once).toEqual(twice);
        expect(Object.isFrozen(once)).toBe(true);
        expect(up(once)).toBe(once);
        expect(JSON.stringify(before)).toBe(text);
      }),
    );
  });
});

describe('what this version writes', () => {
  test('is read by as many steps as the law counts versions', () => {
    const counted = Object.entries(upcasters).map(([type, chain]) => [type, chain.length + 1]);
    expect(Object.fromEntries(counted)).toEqual(sessionEventVersions);
  });

  test('names every law of the domain, and the library as it is published', async () => {
    const folder = new URL('../../src/domain/', import.meta.url);
    const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('-law.ts'));
    const modules = await Promise.all(files.map((name) => import(new URL(name, folder).href)));
    const laws = modules
      .flatMap((module: object) => Object.values(module))
      .map(made)
      .filter(isLaw);
    expect(laws.length).toBeGreaterThan(1);
    expect(ownVersions.laws).toEqual(Object.fromEntries(laws.map(({ kind, version }) => [kind, version])));
    const { version } = JSON.parse(
      await readFile(fileURLToPath(new URL('../../package.json', import.meta.url)), 'utf8'),
    );
    expect([ownVersions.library, libraryVersion]).toEqual([version, version]);
  });
});

/** A law that takes policies of the user's is made by a function. */
const made = (value: unknown): unknown =>
  typeof value === 'function' && value.name.endsWith('Law') ? value() : value;

const isLaw = (value: unknown): value is { kind: string; version: number } =>
  typeof value === 'object' && value !== null && 'kind' in value && 'evolve' in value;
