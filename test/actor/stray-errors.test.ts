// Errors that nobody catches: brought home to their owner, or the end of the process, in real processes.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { captureStrayErrors } from '../../src/actor/stray-errors.ts';

const program = fileURLToPath(new URL('../../.build/test/support/stray-errors-child.js', import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly out: readonly string[];
  readonly err: string;
}

function run(how: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program, how], (_, stdout, stderr) => {
      resolve({ code: child.exitCode, out: stdout.trim().split('\n'), err: stderr });
    });
  });
}

const message = 'stray error of the test';

describe.concurrent('an error that nobody catches', () => {
  test('is the owner’s from whose code it comes, whatever way it takes, and the process lives on', async () => {
    const { code, out, err } = await run('attributed');
    const ways = ['awaited', 'fs', 'immediate', 'rejection', 'tick', 'timer'];
    expect([...out].sort()).toEqual(
      [...ways.map((way) => `first ${way}: ${message}`), 'first text: only a text', 'lived on'].sort(),
    );
    expect([code, err]).toEqual([0, '']);
  });

  test('belongs to one of the systems that share the process, and ends it for none of them', async () => {
    const { code, out } = await run('twoSystems');
    expect(out).toEqual([`first a: ${message}`, `second b: ${message}`, 'lived on']);
    expect(code).toBe(0);
  });

  test('is judged once, also when its system closes for it', async () => {
    expect(await run('closedOnTaking')).toMatchObject({ code: 0, out: ['taken for a', 'lived on'] });
  });

  test.each([
    ['of unknown origin', 'unknown'],
    ['of unknown origin, as a rejection', 'unknownRejection'],
    ['that is not taken', 'refused'],
    ['that is not taken, as a rejection', 'refusedRejection'],
    ['whose owner fails over it', 'throwing'],
    ['after the capture was closed', 'closed'],
  ])('%s ends the process with code 1 and the stack', async (_, how) => {
    const { code, out, err } = await run(how);
    expect([code, out]).toEqual([1, ['']]);
    expect(err).toMatch(new RegExp(`Error: ${message}\\n +at .*later.*stray-errors-child`));
  });

  test('is left to who listens besides, who is told once of each, as without us', async () => {
    const { code, out } = await run('besideOthers');
    expect(out).toEqual([
      `other: ${message} unhandledRejection`,
      `other: ${message} uncaughtException`,
      `other: ${message} uncaughtException`,
      `first a: ${message}`,
      'lived on',
    ]);
    expect(code).toBe(0);
  });
});

describe('capturing', () => {
  const listening = (): number =>
    process.listenerCount('uncaughtException') + process.listenerCount('unhandledRejection');

  test('answers as the function does, and closing takes every listener away', () => {
    const before = listening();
    const strays = captureStrayErrors(() => true);
    expect(listening()).toBe(before + 2);
    expect(strays.run('a', () => 5)).toBe(5);
    expect(() =>
      strays.run('a', () => {
        throw new Error('the caller’s');
      }),
    ).toThrow('the caller’s');
    strays.close();
    strays.close();
    expect(listening()).toBe(before);
    expect(strays.run('a', () => 6)).toBe(6);
  });
});
