// README and docs say what is: the first code runs as an example, every file that they name exists.
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { publishableEvents } from '../src/domain/event-catalogue.ts';
import { eventTypes } from '../src/domain/event-vocabulary.ts';
import { readSourceTree } from './support/source-tree.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8');

const guides = await readdir(join(root, 'docs/guides'));
const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'docs/tutorials/first-orchestrator.md'],
  ...guides.map((name) => `docs/guides/${name}`),
  ...[
    'docs/architecture.md',
    'docs/options.md',
    'docs/semantics.md',
    'docs/errors.md',
    'docs/performance.md',
  ],
];

describe('the documentation', () => {
  test('opens with the code of the quickstart example, to the letter', async () => {
    const [, code] = /```ts\n(.*?)```/s.exec(await read('README.md')) ?? [];
    expect(code).toBe(await read('examples/quickstart/main.ts'));
  });

  test('ends the guide to events with the code of its example, to the letter', async () => {
    const [code] = (await read('docs/guides/events.md')).split('```ts\n').slice(-1);
    expect(code).toBe(`${await read('examples/events/main.ts')}\`\`\`\n`);
  });

  test('ends the guide to the crash matrix with the code of its example, to the letter', async () => {
    const [code] = (await read('docs/guides/crash-matrix.md')).split('```ts\n').slice(-1);
    expect(code).toBe(`${await read('examples/crash-matrix/main.ts')}\`\`\`\n`);
  });

  test('ends the guide to shared context with the code of its example, to the letter', async () => {
    const [code] = (await read('docs/guides/shared-context.md')).split('```ts\n').slice(-1);
    expect(code).toBe(`${await read('examples/shared-context/main.ts')}\`\`\`\n`);
  });

  test('ends the guide to memory with the code of its example, to the letter', async () => {
    const [code] = (await read('docs/guides/memory.md')).split('```ts\n').slice(-1);
    expect(code).toBe(`${await read('examples/memory/main.ts')}\`\`\`\n`);
  });

  test('ends the guide to handoffs with the code of its example, to the letter', async () => {
    const [code] = (await read('docs/guides/handoffs.md')).split('```ts\n').slice(-1);
    expect(code).toBe(`${await read('examples/handoff/main.ts')}\`\`\`\n`);
  });

  test('ends the guide to backups with the code of its example, to the letter', async () => {
    const [code] = (await read('docs/guides/backup.md')).split('```ts\n').slice(-1);
    expect(code).toBe(`${await read('examples/backup/main.ts')}\`\`\`\n`);
  });

  test('ends the guide to roster and locks with the code of its example, to the letter', async () => {
    const [code] = (await read('docs/guides/roster-and-locks.md')).split('```ts\n').slice(-1);
    expect(code).toBe(`${await read('examples/locks/main.ts')}\`\`\`\n`);
  });

  test('ends the guide to tasks with the code of its example, to the letter', async () => {
    const [code] = (await read('docs/guides/tasks.md')).split('```ts\n').slice(-1);
    expect(code).toBe(`${await read('examples/tasks/main.ts')}\`\`\`\n`);
  });

  test('ends the guide to forks with the code of its example, to the letter', async () => {
    const [code] = (await read('docs/guides/fork-and-merge.md')).split('```ts\n').slice(-1);
    expect(code).toBe(`${await read('examples/fork/main.ts')}\`\`\`\n`);
  });

  test('shows in the tutorial the code of its example: each piece occurs in it, and the last is all of it', async () => {
    const [, ...pieces] = (await read('docs/tutorials/first-orchestrator.md')).split('```js\n');
    const shown = pieces.map((piece) => piece.slice(0, piece.indexOf('```')));
    const code = await read('examples/first-orchestrator/desk-child.ts');
    expect(shown.at(-1)).toBe(code);
    expect(shown.length).toBeGreaterThan(6);
    expect(shown.filter((piece) => !code.includes(piece))).toEqual([]);
  });

  test('proves in the guide to lifecycle proofs what it says, to the letter', async () => {
    const [, code = ''] = (await read('docs/guides/lifecycle-proofs.md')).split('```ts\n');
    const run = await read('test/testing/ticket.ts');
    expect(run.slice(run.indexOf('\n') + 1)).toBe(code.slice(0, code.indexOf('```')));
    await import('./testing/ticket.ts');
  });

  test('shows in the README an agent of an example, to the letter', async () => {
    const [, , code = ''] = (await read('README.md')).split('```ts\n');
    const shown = code.slice(0, code.indexOf('```'));
    expect(shown).toContain('agents.start');
    expect(await read('examples/agent/main.ts')).toContain(shown);
  });

  test('lists what telemetry reports: each name that the code has, and no other', async () => {
    const [, list] = /## Telemetry\n(.*?)\n## /s.exec(await read('docs/architecture.md')) ?? ['', ''];
    const listed = [...list.matchAll(/`([a-z][a-zA-Z]*\.[a-zA-Z]+)`/g)].map(([, name]) => name);
    expect(listed.toSorted()).toEqual(
      telemetryNames([...readSourceTree(root).values()].map(({ text }) => text)),
    );
  });

  test('says of every event what it carries and whether it is journaled, and names no other', async () => {
    const guide = await read('docs/guides/events.md');
    const rows = [...guide.matchAll(/^\| `([a-z]+\.[a-zA-Z]+)` \| [^|]+ \| (journaled|transient)/gm)];
    expect(rows.map(([, type]) => type).toSorted()).toEqual(eventTypes.toSorted());
    const transient = rows.filter(([, , kept]) => kept === 'transient').map(([, type]) => type);
    const published = Object.entries(publishableEvents);
    const expected = published.filter(([, shape]) => shape.transient).map(([type]) => type);
    expect(transient.toSorted()).toEqual(expected.toSorted());
  });

  test.each(pages)('%s links to files that exist', async (page) => {
    const links = [...(await read(page)).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) => link ?? '');
    const missing = await missingOf(links.map((link) => join(dirname(page), link)));
    expect(missing).toEqual([]);
  });

  test('names a test that exists for every guarantee', async () => {
    const named = [...(await read('docs/semantics.md')).matchAll(/`(test\/[^`]+\.ts)`/g)].map(
      ([, path]) => path ?? '',
    );
    expect(named.length).toBeGreaterThan(15);
    expect(await missingOf(named)).toEqual([]);
  });

  test.each(pages)('%s names only scripts that package.json has', async (page) => {
    const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> };
    const named = [...(await read(page)).matchAll(/npm run ([a-z:-]+)/g)].map(([, script]) => script ?? '');
    expect(named.filter((script) => !(script in scripts))).toEqual([]);
  });
});

/** What is handed to a telemetry port, and what reports of supervision are translated to. */
function telemetryNames(sources: readonly string[]): string[] {
  const calls = /telemetry\(\s*'([^']+)'/g;
  const translated = /return \['([a-z]+\.[a-zA-Z]+)',/g;
  const names = sources.flatMap((source) => [...source.matchAll(calls), ...source.matchAll(translated)]);
  return [...new Set(names.map(([, name]) => name ?? ''))].toSorted();
}

async function missingOf(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(paths.map((path) => stat(join(root, path)).catch(() => undefined)));
  return paths.filter((_, i) => found[i] === undefined);
}
