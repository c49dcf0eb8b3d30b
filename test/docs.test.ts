// README and docs say what is: the first code runs as an example, every file that they name exists.
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { publishableEvents } from '../src/domain/event-catalogue.ts';
import { eventTypes } from '../src/domain/event-vocabulary.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8');

const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'docs/guides/events.md'],
  ...['docs/architecture.md', 'docs/options.md', 'docs/semantics.md', 'docs/errors.md'],
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
    const named = [...(await read(page)).matchAll(/npm run ([a-z:]+)/g)].map(([, script]) => script ?? '');
    expect(named.filter((script) => !(script in scripts))).toEqual([]);
  });
});

async function missingOf(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(paths.map((path) => stat(join(root, path)).catch(() => undefined)));
  return paths.filter((_, i) => found[i] === undefined);
}
