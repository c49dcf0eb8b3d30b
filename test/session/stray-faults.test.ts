// Faults of agents of which XState cannot know, in real processes over real directories: brought home to their run, or the end
// of a process that loses nothing by it.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../.build/test/support/agent-faults-child.js', import.meta.url));

/** As the program names them. */
const ways = ['callbackTimer', 'asyncCallback', 'snapshotListener', 'emitListener'];
const functionWays = ['timer', 'tick', 'immediate', 'promise', 'fileCallback'];

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-strays-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Outcome {
  readonly code: number | null;
  readonly lines: readonly unknown[];
  readonly err: string;
}

function run(...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program, ...args], (_, stdout, stderr) => {
      const lines = stdout
        .trim()
        .split('\n')
        .filter((line) => line !== '');
      resolve({ code: child.exitCode, lines: lines.map((line) => JSON.parse(line)), err: stderr });
    });
  });
}

describe('a fault that XState cannot know of, captured', () => {
  test('is the crash of the run from whose code it comes, among many; of one that has ended it is counted', async () => {
    const { code, lines, err } = await run('captured', join(root, 'captured'));
    expect([code, err]).toEqual([0, '']);
    const [seen] = lines as { runs: unknown[] }[];
    const expected = Array.from({ length: 5 }, () => [...ways, ...functionWays]).flat();
    expect(seen?.runs).toEqual(expected.map((agent) => ({ agent, status: 'failed', own: true })));
    expect(seen).toMatchObject({ late: 3, status: ['completed', 'completed'], conditions: 0 });
  });

  test('ends the process when its origin is unknown', async () => {
    const { code, err } = await run('unknown', join(root, 'unknown'));
    expect(code).toBe(1);
    expect(err).toMatch(/Error: stray of nobody\n +at .*agent-faults-child/);
  });
});

describe('a fault that XState cannot know of, not captured', () => {
  test('ends the process with its stack; after a restart all acknowledged is there and the run goes on', async () => {
    const fatal = [...ways, 'timer', 'promise'];
    const directories = fatal.map((_, i) => join(root, `fatal-${i}`));
    for (const [i, way] of fatal.entries()) {
      const { code, err, lines } = await run('fatal', directories[i] ?? '', way);
      expect([way, code]).toEqual([way, 1]);
      expect(err).toMatch(/Error: stray of \S+\n +at /);
      expect(lines.length).toBeLessThanOrEqual(1);
    }
    const { code, lines } = await run('recovered', ...directories);
    expect(code).toBe(0);
    expect(lines).toEqual(fatal.map((agent) => ({ agent, incarnation: 2, messages: ['a', 'b'] })));
  });
});
