// What the scale is asked for, read from the command line.
import { parseArgs } from 'node:util';
import { UsageError, wholeNumber, wholeNumbers } from './bench-options.ts';

export interface ScaleOptions {
  readonly rounds: number;
  /** Numbers of stored sessions, from few to many. */
  readonly sizes: readonly number[];
  /** Numbers of messages of a conversation, from few to many. */
  readonly lengths: readonly number[];
  /** Messages of a round. */
  readonly messages: number;
  readonly json: string | undefined;
  readonly svg: string | undefined;
  readonly quick: boolean;
}

/** The sessions of a size that operations go to, and those that are woken in all rounds. */
export const workingSet = 1_000;
export const wokenInRound = 100;

/** @throws UsageError */
export function readScaleOptions(args: readonly string[]): ScaleOptions {
  const { values } = parsed(args);
  const quick = values.quick ?? false;
  const rounds = wholeNumber('rounds', values.rounds ?? (quick ? '2' : '5'));
  if (rounds < 5 && !quick)
    throw new UsageError('fewer than 5 rounds show nothing; --quick makes a smoke run of them');
  const sizes = wholeNumbers('sizes', values.sizes ?? (quick ? '1000,5000' : '1000,10000,100000'));
  const fewest = Math.max(workingSet, (rounds + 1) * wokenInRound);
  if (sizes.some((size) => size < fewest)) throw new UsageError(`--sizes takes numbers from ${fewest} on`);
  return {
    ...{ rounds, sizes, quick, json: values.json },
    lengths: wholeNumbers('lengths', values.lengths ?? (quick ? '10,200' : '10,100,1000,10000')),
    messages: wholeNumber('messages', values.messages ?? (quick ? '2000' : '10000')),
    svg: values.svg ?? (quick ? undefined : 'docs/performance-scale.svg'),
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        ...{ rounds: { type: 'string' }, sizes: { type: 'string' }, lengths: { type: 'string' } },
        ...{ messages: { type: 'string' }, json: { type: 'string' }, svg: { type: 'string' } },
        quick: { type: 'boolean' },
      } as const,
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
