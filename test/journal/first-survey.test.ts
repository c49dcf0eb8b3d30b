// The survey that an opening makes: in the pass with which it counts the heads, after a close in order, after a kill and
// after a repair.
import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StoredJournal } from '../support/stored-journal.ts';

const [a, b, other] = ['session/a', 'session/b', 'task/c'];

let store: StoredJournal;

beforeEach(async () => {
  store = await StoredJournal.make();
  await store.write(2, a);
  await store.write(1, other);
  await store.write(3, b);
});

afterEach(() => store.remove());

/** What each survey of one opening has seen. */
async function surveysOfOpening(): Promise<readonly (readonly string[])[]> {
  const surveys: string[][] = [];
  const survey = () => {
    const seen: string[] = [];
    surveys.push(seen);
    const visit = (glance: { whole(): { stream: string; seq: number } }): void => {
      const { stream, seq } = glance.whole();
      seen.push(`${stream} ${seq}`);
    };
    return { prefix: 'session/', visit };
  };
  const journal = await store.open({ survey });
  await journal.close();
  return surveys;
}

test('after a close in order sees every head of the kind once', async () => {
  expect(await surveysOfOpening()).toEqual([[`${a} 2`, `${b} 3`]]);
});

test('after a kill sees the same', async () => {
  await store.forgetClose();
  expect(await surveysOfOpening()).toEqual([[`${a} 2`, `${b} 3`]]);
});

test('after a repair sees the same', async () => {
  await rm(await store.file(/^CURRENT$/));
  expect((await surveysOfOpening()).at(-1)).toEqual([`${a} 2`, `${b} 3`]);
});

test('leaves out a damaged head, and the others are seen', async () => {
  const heard: unknown[] = [];
  const spoiling = await store.open();
  await spoiling.inspect((db) => db.batch([{ type: 'put', key: `h!${a}`, value: 'of no use' }], {}));
  await spoiling.close();
  const journal = await store.open({
    telemetry: (name, data) => void heard.push([name, data?.stream]),
    survey: () => ({ prefix: 'session/', visit: (glance) => void heard.push(glance.whole().stream) }),
  });
  await journal.close();
  expect(heard).toEqual(expect.arrayContaining([['head.damaged', a], b]));
  expect(heard).not.toContain(a);
});
