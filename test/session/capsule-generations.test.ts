// A session that has given something up leaves as a capsule too: what is missing is named, both sides of it are proven, and the session
// that is made of it says the same.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystem, exportSession, importSession, verifyCapsule } from 'holdfast';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../../src/base/hash.ts';
import type { FeedRange } from '../../src/journal/feed.ts';
import { keys } from '../../src/journal/keys.ts';
import { decodeRecord, encodeRecord } from '../../src/journal/record.ts';
import { unseal } from '../../src/journal/sealed.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf } from '../support/outcome.ts';
import { change, damage, dropSnapshots, one, recovered, say, stream } from '../support/recovered-session.ts';

let here: TestSystem;
let there: TestSystem;
let root = '';
let file = '';

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-generations-'));
  file = join(root, 's.capsule');
  here = await recovered();
  there = await createTestSystem({});
});
afterEach(async () => {
  await Promise.all([here.close(), there.close()]);
  await rm(root, { recursive: true });
});

const said = async ({ client }: TestSystem, sessionId = 's'): Promise<unknown> =>
  (await client.messages.list({ sessionId })).items.map(({ content }) => content);

async function provenIn({ client }: TestSystem) {
  const { valid, problems, events, seq, chain, generations, dropped } = await client.sessions.verify(one);
  return { valid, problems, events, seq, chain, generations, dropped };
}

const linesOf = async (): Promise<string[]> => (await readFile(file, 'utf8')).trimEnd().split('\n');

/** Changes lines and ends them with a digest and counts that fit. */
async function forge(alter: (lines: string[]) => string[], counts: object = {}): Promise<void> {
  const lines = await linesOf();
  const { footer } = JSON.parse(lines.pop() ?? '');
  const changed = alter(lines);
  const digest = changed.reduce((last, line) => sha256(`${last}\n${line}`), '');
  const end = JSON.stringify({ footer: { ...footer, ...counts, digest } });
  await writeFile(file, `${[...changed, end].join('\n')}\n`);
}

const headerOf = (change: (header: Record<string, unknown>) => object) => (lines: string[]) => {
  const [first = '', ...rest] = lines;
  const { header } = JSON.parse(first);
  return [JSON.stringify({ header: { ...header, ...change(header) } }), ...rest];
};

describe('a capsule of a session that has given something up', () => {
  test('says what is missing and what each generation goes on from, and holds without a store', async () => {
    const written = await exportSession(here.client, { ...one, file });
    const { generations } = await here.client.sessions.verify(one);
    const told = [{ firstSeq: 10, anchor: generations[1]?.anchor, dropped: [{ from: 8, to: 9 }] }];
    expect(written).toMatchObject({ events: 11 });
    expect(await verifyCapsule(file)).toMatchObject({
      ...{ valid: true, replays: true, problems: [], events: 11, missing: 1, generations: told },
      head: { seq: 12 },
    });
  });

  test('is imported with the same chain, and what was given up is named there as it is here', async () => {
    await exportSession(here.client, { ...one, file });
    expect(await importSession(there.client, { file })).toMatchObject({ as: 'records', seq: 12 });
    const expected = await provenIn(here);
    expect(expected).toMatchObject({ valid: true, dropped: [{ from: 8, to: 9 }], generations: [{}, {}] });
    for (const how of [undefined, 'close', 'kill'] as const) {
      if (how !== undefined) await there.restart(how);
      expect(await provenIn(there)).toEqual(expected);
      expect(await said(there)).toEqual(await said(here));
    }
    await say(there, 'm8');
    expect(await said(there)).toEqual(['m1', 'm2', 'm3', 'm4', 'm7', 'm8']);
    expect(await provenIn(there)).toMatchObject({ valid: true, seq: 13 });
  });

  test('is the same capsule when it leaves from there again', async () => {
    await exportSession(here.client, { ...one, file });
    await importSession(there.client, { file });
    const again = join(root, 'again');
    await exportSession(there.client, { ...one, file: again });
    const [first, second] = [await verifyCapsule(file), await verifyCapsule(again)];
    expect(second).toEqual(first);
  });

  test('goes on with an import that was cut off, on either side of what is missing', async () => {
    await exportSession(here.client, { ...one, file });
    await importSession(there.client, { file });
    await say(here, 'm8');
    await exportSession(here.client, { ...one, file });
    expect(await importSession(there.client, { file })).toMatchObject({ as: 'records', seq: 13 });
    expect(await provenIn(there)).toEqual(await provenIn(here));
  });

  test('becomes another session with what was not given up, and nothing else', async () => {
    await exportSession(here.client, { ...one, file });
    await importSession(there.client, { file, as: 'copy' });
    expect(await said(there, 'copy')).toEqual(['m1', 'm2', 'm3', 'm4', 'm7']);
  });

  test('leaves out what is redacted, and tells of what was given up all the same', async () => {
    await exportSession(here.client, { ...one, file, redact: { payloads: 'all' } });
    expect(await readFile(file, 'utf8')).not.toContain('"m1"');
    expect(await verifyCapsule(file)).toMatchObject({
      ...{ valid: true, replays: false, redacted: 11, missing: 1, generations: [{ firstSeq: 10 }] },
    });
    expect(await codeOf(importSession(there.client, { file }))).toBe('CAPSULE_REDACTED');
  });

  test('that is redacted of what was given up alone is not imported either', async () => {
    await exportSession(here.client, { ...one, file });
    await forge(
      (lines) =>
        lines.map((line) => {
          const { record } = JSON.parse(line) as { readonly record?: string };
          if (record === undefined || !record.includes('"seq":9,')) return line;
          return JSON.stringify({ record: record.split('\n').slice(0, 2).join('\n') });
        }),
      { redacted: 1 },
    );
    expect(await verifyCapsule(file)).toMatchObject({ valid: true, replays: false });
    expect(await codeOf(importSession(there.client, { file }))).toBe('CAPSULE_REDACTED');
  });

  test('holds every generation of those that gave something up more than once', async () => {
    await say(here, 'm8', 'm9');
    await here.restart('close');
    await dropSnapshots(here);
    await damage(here, 13);
    await codeOf(here.client.sessions.get(one));
    await here.client.recovery.recover({ ...one, accept: true });
    await exportSession(here.client, { ...one, file });
    expect(await verifyCapsule(file)).toMatchObject({ valid: true, replays: true, missing: 2 });
    await importSession(there.client, { file });
    expect(await provenIn(there)).toEqual(await provenIn(here));
    expect((await provenIn(there)).generations).toHaveLength(3);
  });

  test('holds what a generation gave up that was given up itself', async () => {
    await here.restart('close');
    await dropSnapshots(here);
    for (const seq of [1, 4, 12]) await damage(here, seq);
    await codeOf(here.client.sessions.get(one));
    await here.client.recovery.recover({ ...one, tier: 'emergency', accept: true });
    await exportSession(here.client, { ...one, file });
    expect(await verifyCapsule(file)).toMatchObject({ valid: true, replays: true, missing: 4 });
    await importSession(there.client, { file });
    expect(await provenIn(there)).toEqual(await provenIn(here));
  });

  test('holds a record that was given up because another stood before it', async () => {
    await using test = await createTestSystem({});
    await test.client.sessions.create(one);
    await say(test, 'm1', 'm2', 'm3');
    await test.restart('close');
    await dropSnapshots(test);
    await exchange(test, 4);
    await codeOf(test.client.sessions.get(one));
    await test.client.recovery.recover({ ...one, accept: true });
    expect(await provenIn(test)).toMatchObject({ valid: true, dropped: [{ from: 5, to: 5 }] });
    await exportSession(test.client, { ...one, file });
    expect(await verifyCapsule(file)).toMatchObject({ valid: true, replays: true, missing: 0 });
    await importSession(there.client, { file });
    expect(await provenIn(there)).toEqual(await provenIn(test));
  });

  test('is not made of what is damaged and was given up by nobody', async () => {
    await here.restart('close');
    await damage(here, 4);
    expect(await codeOf(exportSession(here.client, { ...one, file }))).toBe('JOURNAL_CORRUPT');
    await damage(here, 11);
    expect(await codeOf(exportSession(here.client, { ...one, file }))).toBe('JOURNAL_CORRUPT');
  });
});

/** Another record in its place, whose own hashes hold. */
const exchange = (test: TestSystem, seq: number): Promise<void> =>
  change(test, seq, (value) => {
    const { event, prev } = decodeRecord(value, stream, seq);
    const payload = JSON.stringify({ ...(event.data as object), content: 'forged' });
    return encodeRecord({ event, payload }, prev).value;
  });

describe('it is refused, and nothing is imported, with', () => {
  const isGap = (line: string): boolean => line.startsWith('{"gap"');
  const without = (seq: number) => (lines: string[]) =>
    lines.map((line) =>
      line.includes(`"seq\\":${seq},`) ? JSON.stringify({ gap: { from: seq, to: seq } }) : line,
    );
  test.each<[string, (lines: string[]) => string[], object]>([
    ['a gap that nobody gave up', without(5), { events: 10, missing: 2 }],
    ['a gap in the generation behind it', without(11), { events: 10, missing: 2 }],
    ['a gap where its end should be', without(12), { events: 10, missing: 2 }],
    ['a gap left out', (lines) => lines.filter((line) => !isGap(line)), {}],
    [
      'a gap that is wider than it is',
      (lines) => lines.map((line) => (isGap(line) ? line.replace('"to":8', '"to":9') : line)),
      {},
    ],
    ['a gap that is none', (lines) => lines.map((line) => (isGap(line) ? '{"gap":null}' : line)), {}],
    ['no generations in its header', headerOf(() => ({ generations: [] })), {}],
    ['generations that are none', headerOf(() => ({ generations: [{ firstSeq: 'x' }] })), {}],
    ['more given up in its header than was', more({ dropped: [{ from: 3, to: 9 }] }), {}],
    ['another anchor in its header', more({ anchor: { seq: 7, chain: 'x' } }), {}],
    ['a generation in its header that never began', more({ firstSeq: 11 }), {}],
    ['a newer format', headerOf(() => ({ formatVersion: 3 })), {}],
  ])('%s', async (_, alter, counts) => {
    await exportSession(here.client, { ...one, file });
    await forge(alter, counts);
    expect(await verifyCapsule(file)).toMatchObject({ valid: false, problems: [expect.any(String)] });
    expect(await codeOf(importSession(there.client, { file }))).toBe('CAPSULE_INVALID');
    expect((await there.client.sessions.list({})).items).toEqual([]);
  });

  function more(changed: object): (lines: string[]) => string[] {
    return headerOf(({ generations }) => ({
      generations: (generations as object[]).map((generation) => ({ ...generation, ...changed })),
    }));
  }

  test('another record in the place of the last good one', async () => {
    await here.restart('close');
    await exchange(here, 7);
    await exportSession(here.client, { ...one, file });
    expect(await verifyCapsule(file)).toMatchObject({ valid: false });
    expect(await codeOf(importSession(there.client, { file }))).toBe('CAPSULE_INVALID');
  });
});

test('a session that gave nothing up is written as before, so that older versions read it', async () => {
  await there.client.sessions.create(one);
  await exportSession(there.client, { ...one, file });
  const [first = ''] = await linesOf();
  expect(JSON.parse(first).header).toMatchObject({ formatVersion: 1 });
  expect(Object.keys(JSON.parse(first).header)).not.toContain('generations');
  await exportSession(here.client, { ...one, file });
  expect(JSON.parse((await linesOf())[0] ?? '').header).toMatchObject({ formatVersion: 2 });
});

test('what was rolled back is no part of another session that a capsule becomes', async () => {
  const { client } = there;
  await client.sessions.create(one);
  await say(there, 'kept');
  const { checkpointId } = await client.checkpoints.create(one);
  await say(there, 'gone');
  await client.sessions.rollback({ ...one, checkpointId });
  await exportSession(client, { ...one, file });
  await importSession(client, { file, as: 'copy' });
  expect(await said(there, 'copy')).toEqual(['kept']);
});

test('a record that is gone is missing as well as one that is damaged', async () => {
  await here.restart('close');
  await here.disk.data.del(keys.event(stream, 8));
  await exportSession(here.client, { ...one, file });
  expect(await verifyCapsule(file)).toMatchObject({ valid: true, replays: true, missing: 1 });
});

test('what was given up takes the session out of service no more: not by a scrub, and not by an opening after a kill', async () => {
  await exportSession(here.client, { ...one, file });
  const [location, copy] = [join(root, 'store'), join(root, 'copy')];
  const system = await createSystem({ location });
  await importSession(system.client, { file });
  // What a kill would leave: the files as they are, and nobody who has them.
  await cp(location, copy, { recursive: true });
  await rm(join(copy, 'owner.json'));
  await system.close();
  const killed = await createSystem({ location: copy });
  const { items } = await killed.client.recovery.boots({ limit: 1 });
  expect(items[0]?.store.damaged).toMatchObject([{ stream, seq: 8 }]);
  expect(await killed.client.sessions.conditions({})).toEqual([]);
  expect(await killed.client.storage.scrub({})).toMatchObject({ damaged: 0 });
  expect(await killed.client.sessions.conditions({})).toEqual([]);
  await killed.close();
});

test('damage behind what was given up takes it out of service still', async () => {
  const { client } = here;
  await client.storage.scrub({});
  expect(await client.sessions.conditions({})).toEqual([]);
  await damage(here, 11);
  await client.storage.scrub({});
  expect(await client.sessions.conditions({})).toMatchObject([
    { sessionId: 's', condition: 'quarantined', error: { code: 'JOURNAL_CORRUPT' } },
  ]);
});

/** What each commit holds of the session, as the feed tells of it. */
async function committedTo({ disk }: TestSystem): Promise<readonly (readonly FeedRange[])[]> {
  const commits: FeedRange[][] = [];
  for await (const [key, value] of disk.data.iterator({ gte: 'f!', lt: 'f"' }))
    commits.push((JSON.parse(unseal(key, value) ?? '[]') as FeedRange[]).filter(([of]) => of === stream));
  return commits.filter((ranges) => ranges.length > 0);
}

test('a long stretch that was given up is imported with the event that goes on from before it', async () => {
  await using long = await createTestSystem({});
  await long.client.sessions.create(one);
  const content = 'x'.repeat(900_000);
  await say(long, 'm1', ...Array.from({ length: 12 }, () => content));
  await long.restart('close');
  await dropSnapshots(long);
  await damage(long, 9);
  await codeOf(long.client.sessions.get(one));
  await long.client.recovery.recover({ ...one, accept: true });
  await exportSession(long.client, { ...one, file });
  await importSession(there.client, { file });
  const commits = await committedTo(there);
  expect(commits.map((ranges) => ranges.at(-1)?.[2])).toEqual([8, 16]);
  expect(await provenIn(there)).toEqual(await provenIn(long));
});
