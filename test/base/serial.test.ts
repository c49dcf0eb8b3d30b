// One job at a time, in the order in which they were given, whatever becomes of each.
import { describe, expect, test } from 'vitest';
import { Serial } from '../../src/base/serial.ts';

describe('a serial queue', () => {
  test('runs one job at a time, in order, and gives each its own result', async () => {
    const serial = new Serial();
    const log: string[] = [];
    const job = (name: string, turns: number) => async (): Promise<string> => {
      log.push(`${name} begins`);
      for (let i = 0; i < turns; i++) await Promise.resolve();
      log.push(`${name} ends`);
      return name;
    };
    const results = await Promise.all([
      serial.run(job('a', 5)),
      serial.run(job('b', 0)),
      serial.run(job('c', 2)),
    ]);
    expect(results).toEqual(['a', 'b', 'c']);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  test('goes on behind a job that fails, and tells only who gave it', async () => {
    const serial = new Serial();
    const failed = serial.run(() => Promise.reject(new Error('no')));
    const thrown = serial.run(() => {
      throw new Error('at once');
    });
    const next = serial.run(async () => 'next');
    await expect(failed).rejects.toThrow('no');
    await expect(thrown).rejects.toThrow('at once');
    expect(await next).toBe('next');
  });
});
