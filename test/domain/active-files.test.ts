// Files: each path once, in the order in which they came, bounded; and what is known of them goes with them.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Json, plainJson } from '../../src/base/json.ts';
import { listFiles, listIndex, maxIndexBytes } from '../../src/domain/session/active-files.ts';
import type { SessionConfig } from '../../src/domain/session/session-config.ts';
import { SessionLife } from '../support/session-life.ts';
import { openedAt, opening } from '../support/session-states.ts';

function lifeWith(config: Partial<SessionConfig> = {}): SessionLife {
  const life = new SessionLife();
  life.send(opening(config), openedAt);
  return life;
}

const add = (life: SessionLife, ...paths: readonly string[]): void => {
  for (const path of paths) life.send({ type: 'file.add', path }, openedAt + life.seq);
};

const index = (
  life: SessionLife,
  path: string,
  metadata: Json,
  at = openedAt,
): ReturnType<SessionLife['send']> => life.send({ type: 'file.index', path, metadata }, at);

const pathsOf = (life: SessionLife): readonly string[] => listFiles(life.state.files).map(({ path }) => path);
const indexOf = (life: SessionLife): readonly (readonly [string, Json])[] =>
  listIndex(life.state.files).map(({ path, metadata }) => [path, metadata]);

describe('active files', () => {
  test('stand in the order in which they were added, with their times', () => {
    const life = lifeWith();
    add(life, 'z.ts', 'a.ts', 'm.ts');
    expect(listFiles(life.state.files).map(({ path, addedAt }) => [path, addedAt - openedAt])).toEqual([
      ['z.ts', 2],
      ['a.ts', 3],
      ['m.ts', 4],
    ]);
  });

  test('hold a path once: adding it again changes nothing, neither its place nor its time', () => {
    const life = lifeWith();
    add(life, 'a.ts', 'b.ts');
    const before = life.state;
    expect(life.send({ type: 'file.add', path: 'a.ts' }, openedAt + 99)).toEqual({
      events: [],
      reply: undefined,
    });
    expect(life.state).toBe(before);
  });

  test('added again with metadata only have it merged', () => {
    const life = lifeWith();
    life.send({ type: 'file.add', path: 'a.ts', metadata: { language: 'ts' } }, openedAt);
    add(life, 'b.ts');
    life.send({ type: 'file.add', path: 'a.ts', metadata: { lines: 3 } }, openedAt + 50);
    expect(pathsOf(life)).toEqual(['a.ts', 'b.ts']);
    expect(indexOf(life)).toEqual([['a.ts', { language: 'ts', lines: 3 }]]);
    expect(life.steps.at(-1)?.event.type).toBe('file.indexed');
  });

  test('beyond their number lose the one that was added first', () => {
    const life = lifeWith({ maxFiles: 2 });
    add(life, 'a', 'b', 'a', 'c');
    expect(pathsOf(life)).toEqual(['b', 'c']);
    add(life, 'a');
    expect(pathsOf(life)).toEqual(['c', 'a']);
  });

  test('come down to a lowered number at once, and stay there', () => {
    const life = lifeWith();
    add(life, 'a', 'b', 'c', 'd');
    life.send({ type: 'session.configure', changes: {}, config: { maxFiles: 2 } }, openedAt + 9);
    expect(pathsOf(life)).toEqual(['c', 'd']);
    add(life, 'e');
    expect(pathsOf(life)).toEqual(['d', 'e']);
  });

  test('may have any name', () => {
    const life = lifeWith();
    const names = [
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      '1',
      '0',
      '',
      '\u0000',
      'ä/日本/🙂',
    ];
    add(life, ...names);
    expect(pathsOf(life)).toEqual(names);
    for (const path of names) index(life, path, plainJson(JSON.parse('{"__proto__":{"x":1}}')));
    expect(indexOf(life).map(([, metadata]) => JSON.stringify(metadata))).toEqual(
      names.map(() => '{"__proto__":{"x":1}}'),
    );
  });

  test('that are not there cannot be removed', () => {
    const life = lifeWith();
    for (const path of ['a.ts', '__proto__', 'constructor']) {
      expect(life.send({ type: 'file.remove', path }, openedAt)).toEqual({
        refusal: { code: 'FILE_NOT_FOUND', details: { sessionId: 's1', path } },
      });
    }
  });
});

describe('the file index', () => {
  test('merges members of metadata, newer over older, and stamps the time', () => {
    const life = lifeWith();
    index(life, 'a', { language: 'ts', lines: 1 });
    index(life, 'b', { lines: 2 });
    index(life, 'a', { lines: 3, tags: ['x'] }, openedAt + 5);
    expect(indexOf(life)).toEqual([
      ['b', { lines: 2 }],
      ['a', { language: 'ts', lines: 3, tags: ['x'] }],
    ]);
    expect(listIndex(life.state.files).at(-1)?.lastAccessedAt).toBe(openedAt + 5);
  });

  test('replaces what is no object', () => {
    const life = lifeWith();
    index(life, 'a', ['x']);
    index(life, 'a', { lines: 1 });
    index(life, 'a', null);
    expect(indexOf(life)).toEqual([['a', null]]);
  });

  test('knows files that are not active, and is bounded by what was touched longest ago', () => {
    const life = lifeWith({ maxIndexedFiles: 2 });
    for (const path of ['a', 'b', 'a', 'c']) index(life, path, {});
    expect(indexOf(life).map(([path]) => path)).toEqual(['a', 'c']);
    expect(pathsOf(life)).toEqual([]);
    life.send({ type: 'session.configure', changes: {}, config: { maxIndexedFiles: 1 } }, openedAt);
    expect(indexOf(life).map(([path]) => path)).toEqual(['c']);
    index(life, 'd', {});
    expect(indexOf(life).map(([path]) => path)).toEqual(['d']);
  });

  test('forgets a file that is removed, and keeps one that only fell off the list', () => {
    const life = lifeWith({ maxFiles: 1 });
    life.send({ type: 'file.add', path: 'a', metadata: { n: 1 } }, openedAt);
    life.send({ type: 'file.add', path: 'b', metadata: { n: 2 } }, openedAt);
    expect([pathsOf(life), indexOf(life).map(([path]) => path)]).toEqual([['b'], ['a', 'b']]);
    life.send({ type: 'file.remove', path: 'b' }, openedAt);
    life.send({ type: 'file.remove', path: 'a' }, openedAt);
    expect([pathsOf(life), indexOf(life)]).toEqual([[], []]);
    index(life, 'b', { m: 1 });
    expect(indexOf(life)).toEqual([['b', { m: 1 }]]);
  });
});

describe('the file index at its number of bytes', () => {
  const part = (n: number): Json => ({ [`part${n}`]: 'x'.repeat(1_000_000) });

  function fullLife(): SessionLife {
    const life = lifeWith();
    for (let n = 1; n <= 4; n++) index(life, 'a', part(n));
    return life;
  }

  test('refuses what would be merged beyond it, by every way, and takes what fits', () => {
    const life = fullLife();
    life.send({ type: 'file.add', path: 'b' }, openedAt);
    const before = life.state;
    const { indexBytes } = before.files;
    const refusal = { code: 'AT_CAPACITY', details: { sessionId: 's1', what: 'file index in bytes' } };
    expect(index(life, 'a', part(5))).toMatchObject({ refusal });
    for (const path of ['b', 'c']) {
      const command = { type: 'file.add', path, metadata: part(5) } as const;
      expect(life.send(command, openedAt)).toMatchObject({ refusal });
    }
    expect(life.state).toBe(before);
    index(life, 'c', 'y'.repeat(maxIndexBytes - indexBytes - '"y"'.length));
    expect(life.state.files.indexBytes).toBe(maxIndexBytes);
    expect(index(life, 'd', 0)).toMatchObject({ refusal: { details: { size: maxIndexBytes + 2 } } });
  });

  test('has room again once something is replaced or removed', () => {
    const life = fullLife();
    index(life, 'a', { part4: 'short' });
    expect(index(life, 'b', part(5))).not.toHaveProperty('refusal');
    for (const path of ['a', 'b']) life.send({ type: 'file.remove', path }, openedAt);
    expect(life.state.files.indexBytes).toBe(0);
  });
});

test('property: the list behaves as a list of distinct paths that drops its first', () => {
  const step = fc.record({
    remove: fc.boolean(),
    path: fc.constantFrom('a', 'b', 'c', 'd', 'e', '__proto__'),
  });
  fc.assert(
    fc.property(
      fc.array(step, { size: 'max', maxLength: 40 }),
      fc.integer({ min: 1, max: 4 }),
      (steps, maxFiles) => {
        const life = lifeWith({ maxFiles });
        let model: readonly string[] = [];
        for (const { remove, path } of steps) {
          if (remove) {
            life.send({ type: 'file.remove', path }, openedAt);
            model = model.filter((known) => known !== path);
          } else {
            add(life, path);
            if (!model.includes(path)) model = [...model, path].slice(-maxFiles);
          }
        }
        expect(pathsOf(life)).toEqual(model);
      },
    ),
  );
});
