// What the functions without a system make of what they were not meant to be given: a mistake that is named, and nothing touched.
import {
  type Client,
  createSystem,
  doctor,
  exportSession,
  importSession,
  migrateStore,
  rekeyStore,
  restoreBackup,
  verifyCapsule,
} from 'holdfast';
import { crashMatrix } from 'holdfast/testing';
import { expect, test } from 'vitest';
import { codeOf } from '../support/outcome.ts';

const none = undefined as never;
const wrong = { sessionId: 's', file: 5, from: 5, to: 5, location: 5 } as never;
const client = {} as Client;

test.each<[string, (given: never) => Promise<unknown>]>([
  ['exportSession', (given) => exportSession(client, given)],
  ['importSession', (given) => importSession(client, given)],
  ['verifyCapsule', verifyCapsule],
  ['restoreBackup', restoreBackup],
  ['doctor', doctor],
  ['migrateStore', migrateStore],
  ['rekeyStore', rekeyStore],
])('%s names itself and what it was not given', async (name, call) => {
  const message = expect.objectContaining({
    name: 'TypeError',
    message: expect.stringContaining(`${name}: `),
  });
  await expect(call(none)).rejects.toEqual(message);
  await expect(call(wrong)).rejects.toEqual(message);
});

test.each<[string, (given: never) => Promise<unknown>]>([
  ['exportSession', (given) => exportSession(client, given)],
  ['importSession', (given) => importSession(client, given)],
  ['restoreBackup', restoreBackup],
  ['doctor', doctor],
  ['migrateStore', migrateStore],
  ['rekeyStore', rekeyStore],
  ['crashMatrix', (given) => crashMatrix({} as never, given)],
])('%s refuses an option that it does not know, by its name', async (name, call) => {
  const texts = {
    exportSession: ['sessionId', 'file'],
    importSession: ['file'],
    restoreBackup: ['from', 'to'],
  };
  const needed = Object.hasOwn(texts, name) ? texts[name as keyof typeof texts] : ['location'];
  const given =
    name === 'crashMatrix' ? {} : Object.fromEntries(needed.map((member) => [member, '/nowhere']));
  await expect(call({ ...given, forse: true } as never)).rejects.toEqual(
    expect.objectContaining({
      name: 'TypeError',
      message: expect.stringContaining(`${name}: there is no option forse, but `),
    }),
  );
});

test.each(['x'.repeat(300), 'a\0b'])(
  'a directory that no file system takes is no failed backup',
  async (name) => {
    expect(await codeOf(createSystem({ location: `/tmp/${name}` }))).toBe('JOURNAL_OPEN_FAILED');
  },
);
