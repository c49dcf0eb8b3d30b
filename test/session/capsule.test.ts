// A session leaves as a text that proves itself, and lives again elsewhere with the same chain, or refuses to.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type AgentDefinition, exportSession, importSession, verifyCapsule } from 'holdfast';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../../src/base/hash.ts';
import { decodeRecord, encodeRecord } from '../../src/journal/record.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/test-system.ts';
import { codeOf, errorOf, quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };

const idler: AgentDefinition = ({ signal }) =>
  new Promise((resolve) => signal.addEventListener('abort', resolve));

const broken: AgentDefinition = () =>
  Promise.reject(Object.assign(new Error('Ann. said it'), { code: 'MODEL_DOWN' }));

let here: TestSystem;
let there: TestSystem;
let root = '';
let file = '';

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-capsule-'));
  file = join(root, 's.capsule');
  const agents = { idler, broken };
  here = await createTestSystem({ agents });
  there = await createTestSystem({ agents });
  const { client } = here;
  await client.sessions.create({ ...one, name: 'desk', metadata: { customer: { name: 'Ann.' } } });
  await client.messages.send({ ...one, role: 'user', content: 'secret' });
  await client.messages.send({
    ...one,
    role: 'assistant',
    content: 'line\nbreak',
    metadata: { deep: [{ key: 1 }] },
  });
  await client.files.add({ ...one, path: 'a.ts' });
  await client.memory.set({ ...one, key: 'k', value: { n: 1 } });
});
afterEach(async () => {
  await Promise.all([here.close(), there.close()]);
  await rm(root, { recursive: true });
});

const contentOf = async ({ client }: TestSystem, sessionId = 's'): Promise<unknown> => ({
  messages: (await client.messages.list({ sessionId })).items.map(({ role, content, metadata, at }) => [
    role,
    content,
    metadata,
    at,
  ]),
  files: (await client.files.list({ sessionId })).map(({ path }) => path),
  memory: await client.memory.get({ sessionId, key: 'k' }),
  name: (await client.sessions.get({ sessionId })).name,
});
const eventsOf = async ({ client }: TestSystem): Promise<unknown> =>
  (await client.events.list({ ...one, limit: 1000 })).items;

/** Changes a line and puts a digest and footer below that fit it. */
async function forge(change: (lines: string[]) => string[]): Promise<void> {
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  const footer = JSON.parse(lines.pop() ?? '').footer;
  const changed = change(lines);
  const digest = changed.reduce((last, line) => sha256(`${last}\n${line}`), '');
  await writeFile(file, `${[...changed, JSON.stringify({ footer: { ...footer, digest } })].join('\n')}\n`);
}

describe('a capsule', () => {
  test('holds, says so without a store, and is for its owner alone', async () => {
    await exportSession(here.client, { ...one, file });
    const { seq } = await here.client.sessions.get(one);
    const report = await verifyCapsule(file);
    expect(report).toMatchObject({
      valid: true,
      replays: true,
      sessionId: 's',
      events: seq,
      redacted: 0,
      problems: [],
    });
    expect(report.head?.seq).toBe(seq);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('is told of by whoever wrote it: where, how much, how many events, and what was left out', async () => {
    const written = await exportSession(here.client, { ...one, file, redact: { roles: ['user'] } });
    const { seq } = await here.client.sessions.get(one);
    const { size: bytes } = await stat(file);
    expect(written).toEqual({ path: file, bytes, events: seq, redacted: 1 });
    const content = await exportSession(here.client, { ...one, file: relative('.', file), format: 'json' });
    expect(content).toEqual({ path: file, bytes: (await stat(file)).size, events: null, redacted: null });
  });

  test('lives elsewhere under the same id, event by event, and is the same capsule there', async () => {
    await exportSession(here.client, { ...one, file });
    const imported = await importSession(there.client, { file });
    expect(imported).toMatchObject({ sessionId: 's', as: 'records' });
    expect(await eventsOf(there)).toEqual(await eventsOf(here));
    expect(await contentOf(there)).toEqual(await contentOf(here));
    expect((await there.client.sessions.list({})).total).toBe(1);
    const again = join(root, 'again');
    await exportSession(there.client, { ...one, file: again });
    const [first, second] = [await verifyCapsule(file), await verifyCapsule(again)];
    expect(second.head).toEqual(first.head);
    expect(imported.chain).toBe(first.head?.chain);
    await there.restart('kill');
    await there.client.messages.send({ ...one, role: 'user', content: 'more' });
    expect((await there.client.messages.list(one)).items).toHaveLength(3);
  });

  test('of many pages, exported while it is written, holds what was there when it began', async () => {
    const content = 'x'.repeat(6_000);
    const sends = Array.from({ length: 200 }, () =>
      here.client.messages.send({ ...one, role: 'user', content }),
    );
    await Promise.all(sends);
    const { seq } = await here.client.sessions.get(one);
    let pages = 0;
    let text = '';
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = await here.client.sessions.export({ ...one, ...(cursor !== undefined && { cursor }) });
      await here.client.messages.send({ ...one, role: 'user', content: 'late' });
      text += page.text;
      cursor = page.cursor;
      pages += 1;
    }
    await writeFile(file, text);
    expect(pages).toBeGreaterThan(2);
    expect(await verifyCapsule(file)).toMatchObject({ valid: true, replays: true, events: seq });
    await importSession(there.client, { file });
    expect((await there.client.sessions.get(one)).seq).toBe(seq);
  });

  test('is not taken where the id is another session’s, unless it may be overwritten', async () => {
    await exportSession(here.client, { ...one, file });
    await there.client.sessions.create(one);
    expect(await codeOf(importSession(there.client, { file }))).toBe('SESSION_EXISTS');
    const imported = await importSession(there.client, { file, overwrite: true });
    expect(imported).toMatchObject({ as: 'restored', chain: null });
    expect(await contentOf(there)).toEqual(await contentOf(here));
  });

  test('becomes another session, which says where it comes from', async () => {
    await exportSession(here.client, { ...one, file });
    expect(await importSession(here.client, { file, as: 'copy' })).toMatchObject({
      sessionId: 'copy',
      as: 'restored',
    });
    expect(await contentOf(here, 'copy')).toEqual(await contentOf(here));
    const { items } = await here.client.events.list({ sessionId: 'copy', limit: 1 });
    const { head } = await verifyCapsule(file);
    expect(items[0]).toMatchObject({
      type: 'session.restored',
      data: { origin: { sessionId: 's', ...head } },
    });
    expect(await codeOf(importSession(here.client, { file, as: 'copy' }))).toBe('SESSION_EXISTS');
  });

  test('goes on with an import that was cut off, and takes it twice without harm', async () => {
    await exportSession(here.client, { ...one, file });
    const early = await here.client.sessions.get(one);
    await importSession(there.client, { file });
    await here.client.messages.send({ ...one, role: 'user', content: 'later' });
    await exportSession(here.client, { ...one, file });
    expect(await importSession(there.client, { file })).toMatchObject({ as: 'records', seq: early.seq + 1 });
    expect(await importSession(there.client, { file })).toMatchObject({ as: 'records', seq: early.seq + 1 });
    expect(await eventsOf(there)).toEqual(await eventsOf(here));
  });

  test('does not bring agents to life that run elsewhere, unless it is asked to', async () => {
    await here.client.agents.start({ ...one, agent: 'idler' });
    await exportSession(here.client, { ...one, file });
    await importSession(there.client, { file });
    expect(await there.client.agents.list(one)).toMatchObject([{ status: 'stopped', isRunning: false }]);
    const third = await createTestSystem({ agents: { idler } });
    await importSession(third.client, { file, agents: 'resume' });
    expect(await third.client.agents.list(one)).toMatchObject([{ status: 'running' }]);
    await third.close();
  });
});

describe('redaction', () => {
  test('leaves no text of the session’s condition in the header', async () => {
    const condition = async (): Promise<unknown> =>
      JSON.parse((await readFile(file, 'utf8')).split('\n')[0] ?? '').header.condition;
    await here.client.agents.start({ ...one, agent: 'broken' });
    for (let tries = 0; tries < 20; tries++) {
      await quiet();
      await here.clock.advance(5_000);
    }
    await exportSession(here.client, { ...one, file });
    expect(await condition()).toMatchObject({
      condition: 'quarantined',
      error: { message: 'Ann. said it' },
    });
    await exportSession(here.client, { ...one, file, redact: { payloads: 'all' } });
    expect(await readFile(file, 'utf8')).not.toContain('Ann.');
    expect(await condition()).toEqual({
      ...{
        condition: 'quarantined',
        since: expect.any(Number),
        restarts: expect.any(Number),
        error: { code: expect.any(String) },
      },
    });
    expect(await verifyCapsule(file)).toMatchObject({ valid: true });
  });

  test.each<[string, Parameters<typeof exportSession>[1]['redact'], number, string[]]>([
    ['all payloads', { payloads: 'all' }, 6, ['secret', 'Ann.', 'line']],
    ['a role', { roles: ['user'] }, 1, ['secret']],
    ['a type of event', { types: ['session.created'] }, 1, ['Ann.']],
    ['a path', { paths: ['metadata.deep.*.key', 'metadata.customer'] }, 2, ['line', 'Ann.']],
  ])('of %s leaves out what it names, and the chain holds', async (_, redact, redacted, gone) => {
    await exportSession(here.client, { ...one, file, redact });
    const text = await readFile(file, 'utf8');
    for (const word of gone) expect(text).not.toContain(word);
    expect(text.includes('secret')).toBe(!gone.includes('secret'));
    const whole = join(root, 'whole');
    await exportSession(here.client, { ...one, file: whole });
    const { head } = await verifyCapsule(whole);
    expect(await verifyCapsule(file)).toMatchObject({ valid: true, replays: false, redacted, head });
  });

  test.each<[string, Parameters<typeof exportSession>[1]['redact'], string]>([
    ['a role', { roles: ['user'] }, 'secret'],
    ['a path', { paths: ['metadata.customer'] }, 'Ann.'],
    ['a type of event', { types: ['message.sent'] }, 'secret'],
  ])('of %s reaches the states that rollbacks, restores and forks carry', async (_, redact, word) => {
    const { client } = here;
    const { checkpointId } = await client.checkpoints.create(one);
    await client.sessions.fork({ ...one, newSessionId: 'fork' });
    await client.sessions.rollback({ ...one, checkpointId });
    await client.sessions.save(one);
    await client.sessions.restore(one);
    for (const sessionId of ['s', 'fork']) {
      await exportSession(client, { sessionId, file, redact });
      expect(await readFile(file, 'utf8')).not.toContain(word);
    }
  });

  test.each<[object, string]>([
    [{ types: ['mesage.sent'] }, 'redact.types.0'],
    [{ paths: ['metadata..customer'] }, 'redact.paths.0'],
  ])('of what there cannot be is refused, for it would leave out nothing: %j', async (redact, place) => {
    expect(await errorOf(here.client.sessions.export({ ...one, redact }))).toMatchObject({
      code: 'INVALID_INPUT',
      details: { field: place },
    });
  });

  test('that takes what the law needs cannot be lived through, and is refused by name', async () => {
    await exportSession(here.client, { ...one, file, redact: { roles: ['user'] } });
    expect(await errorOf(importSession(there.client, { file }))).toMatchObject({
      code: 'CAPSULE_REDACTED',
      details: { sessionId: 's', type: 'message.sent', seq: 3 },
    });
    expect((await there.client.sessions.list({})).items).toEqual([]);
  });
});

/** Another payload in a record whose own hashes hold: only the one behind it tells. */
function rewritten(line: string): string {
  const { record } = JSON.parse(line) as { readonly record: string };
  const { event, prev } = decodeRecord(record, 'session/s', 3);
  const payload = JSON.stringify(event.data).replace('secret', 'public');
  return JSON.stringify({ record: encodeRecord({ event, payload }, prev).value });
}

/** One more event, with hashes that hold: an erasure that says what nobody would. */
const erasing =
  (data: unknown) =>
  (lines: string[]): string[] => {
    const seq = lines.length;
    const { record } = JSON.parse(lines.at(-1) ?? '') as { readonly record: string };
    const event = { stream: 'session/s', seq, at: 1, type: 'payload.erased', typeVersion: 1, data, meta: {} };
    const { hash } = decodeRecord(record, 'session/s', seq - 1);
    const { value } = encodeRecord({ event, payload: JSON.stringify(data) }, hash);
    return [...lines, JSON.stringify({ record: value })];
  };

const header =
  (change: () => object) =>
  ([first = '', ...rest]: string[]) => [
    JSON.stringify({ header: { ...JSON.parse(first).header, ...change() } }),
    ...rest,
  ];

describe('a capsule that was changed is refused, and nothing is imported', () => {
  const at = (index: number, change: (line: string) => string) => (lines: string[]) =>
    lines.map((line, i) => (i === index ? change(line) : line));
  test.each<[string, (lines: string[]) => string[]]>([
    ['another payload', at(3, (line) => line.replace('secret', 'public'))],
    ['a header of an event', at(3, (line) => line.replace('message.sent', 'message.lost'))],
    ['an event left out', (lines) => lines.filter((_, i) => i !== 3)],
    ['two events in the other order', ([a = '', b = '', c = '', ...rest]) => [a, c, b, ...rest]],
    ['an event written anew, with hashes of its own', at(3, rewritten)],
    ['its last event left out', (lines) => lines.slice(0, -1)],
    ['an event twice', (lines) => [...lines.slice(0, 3), lines[2] ?? '', ...lines.slice(3)]],
    [
      'another session in its header',
      at(0, (line) => line.replaceAll('"s"', '"t"').replace('session/s', 'session/t')),
    ],
    ['another end in its header', at(0, (line) => line.replace(/"seq":\d+/, '"seq":2'))],
    ['a newer format', at(0, (line) => line.replace('"formatVersion":1', '"formatVersion":3'))],
    ['nothing but its end', () => []],
    ['no format', header(() => ({ formatVersion: null }))],
    ['a format that is no number', header(() => ({ formatVersion: 'x' }))],
    ['a law that is no number', header(() => ({ lawVersion: 'x' }))],
    ['a beginning that is none', header(() => ({ firstSeq: null }))],
    ['a time that is none', header(() => ({ exportedAt: 1e300 }))],
    ['a status that is none', header(() => ({ status: {} }))],
    ['a snapshot that is none', (lines) => [...lines, '{"snapshot":null}']],
    ['an erasure of nothing', erasing(null)],
    ['an erasure of what are no generations', erasing({ generations: 5 })],
  ])('%s', async (_, change) => {
    await exportSession(here.client, { ...one, file });
    await forge(change);
    expect(await verifyCapsule(file)).toMatchObject({ valid: false, problems: [expect.any(String)] });
    expect(await codeOf(importSession(there.client, { file }))).toBe('CAPSULE_INVALID');
    expect((await there.client.sessions.list({})).items).toEqual([]);
  });

  test('an end that is none', async () => {
    await exportSession(here.client, { ...one, file });
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    await writeFile(file, [...lines.slice(0, -1), '{"footer":null}'].join('\n'));
    expect(await verifyCapsule(file)).toMatchObject({ valid: false, problems: [expect.any(String)] });
    expect(await codeOf(importSession(there.client, { file }))).toBe('CAPSULE_INVALID');
  });

  test('another state in a snapshot than its events lead to', async () => {
    for (let n = 0; n < 200; n++) await here.client.files.add({ ...one, path: `${n}` });
    await here.restart('close');
    await exportSession(here.client, { ...one, file });
    expect(await verifyCapsule(file)).toMatchObject({ valid: true, replays: true });
    let changed = 0;
    await forge((lines) =>
      lines.map((line) => {
        if (!line.startsWith('{"snapshot"')) return line;
        changed += 1;
        const { snapshot } = JSON.parse(line);
        const state = snapshot.state.replace('desk', 'task');
        return JSON.stringify({ snapshot: { ...snapshot, state, stateHash: sha256(state) } });
      }),
    );
    expect(changed).toBeGreaterThan(0);
    expect(await verifyCapsule(file)).toMatchObject({ replays: false, problems: [expect.any(String)] });
    expect(await codeOf(importSession(there.client, { file }))).toBe('CAPSULE_INVALID');
  });

  test('its end cut off, or its digest another', async () => {
    await exportSession(here.client, { ...one, file });
    const text = await readFile(file, 'utf8');
    for (const changed of [
      text.slice(0, -40),
      text.replace(/"digest":"./, '"digest":"#'),
      `${text}{}\n`,
      'no capsule',
      '',
    ]) {
      await writeFile(file, changed);
      expect(await verifyCapsule(file)).toMatchObject({ valid: false });
      expect(await codeOf(importSession(there.client, { file }))).toBe('CAPSULE_INVALID');
    }
  });
});

describe('content as JSON', () => {
  test('is taken in by another system, under its id or another', async () => {
    await exportSession(here.client, { ...one, file, format: 'json' });
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
      format: 'holdfast.session',
      sessionId: 's',
    });
    await importSession(there.client, { file });
    expect(await contentOf(there)).toEqual(await contentOf(here));
    expect(await codeOf(importSession(there.client, { file }))).toBe('SESSION_EXISTS');
    await importSession(there.client, { file, as: 'other' });
    expect(await contentOf(there, 'other')).toEqual(await contentOf(here));
  });

  test('cannot be redacted, and what is none is refused', async () => {
    const { client } = here;
    expect(
      await codeOf(client.sessions.export({ ...one, format: 'json', redact: { payloads: 'all' } })),
    ).toBe('INVALID_INPUT');
    expect(await codeOf(client.sessions.import({ text: '{"format":"holdfast.session"}' }))).toBe(
      'INVALID_FORMAT',
    );
  });
});

describe('by the Client', () => {
  test('a session that is not journaled has no records, but has content', async () => {
    await here.client.sessions.create({ sessionId: 'n', durability: 'none' });
    expect(await codeOf(here.client.sessions.export({ sessionId: 'n' }))).toBe('NOT_JOURNALED');
    expect((await here.client.sessions.export({ sessionId: 'n', format: 'json' })).text).toContain('"n"');
    expect(await codeOf(here.client.sessions.export({ sessionId: 'none' }))).toBe('SESSION_NOT_FOUND');
    expect(await codeOf(here.client.sessions.export({ ...one, cursor: 'x' }))).toBe('INVALID_CURSOR');
  });

  test('an import is answered again under its key', async () => {
    const { text } = await here.client.sessions.export(one);
    for (const input of [{ text }, { text, as: 'copy' }]) {
      const key = { idempotencyKey: input.as ?? 'same' };
      const first = await there.client.sessions.import(input, key);
      expect(await there.client.sessions.import(input, key)).toEqual({ ...first, repeated: true });
    }
  });

  test('an upload is used once, and forgotten after a while', async () => {
    const { client, clock } = there;
    const { uploadId } = await client.sessions.upload({ text: 'x' });
    expect(await client.sessions.upload({ uploadId, text: 'yz' })).toEqual({ uploadId, characters: 3 });
    expect(await codeOf(client.sessions.import({ uploadId }))).toBe('CAPSULE_INVALID');
    expect(await codeOf(client.sessions.import({ uploadId }))).toBe('UPLOAD_NOT_FOUND');
    const late = await client.sessions.upload({ text: 'x' });
    await clock.advance(20 * 60_000);
    expect(await codeOf(client.sessions.upload({ uploadId: late.uploadId, text: 'y' }))).toBe(
      'UPLOAD_NOT_FOUND',
    );
    expect(await codeOf(client.sessions.import({}))).toBe('INVALID_INPUT');
  });
});
