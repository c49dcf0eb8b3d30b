// What the bench is asked for, read from the command line. Too few rounds show nothing: they must be asked for with --quick.
import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly rounds: number;
  /** Sessions that messages are spread over. */
  readonly sessions: number;
  /** Messages of a round. */
  readonly messages: number;
  /** Stored sessions that a start must read. */
  readonly stored: number;
  /** Rows whose id or name holds this text; all with ''. */
  readonly only: string;
  /** A smoke run: its figures say nothing. */
  readonly quick: boolean;
  readonly peers: boolean;
  /** A missed must ends the run with status 1. */
  readonly assert: boolean;
  readonly json: string | undefined;
  readonly compare: string | undefined;
}

export const usage = `npm run bench -- [--rounds N] [--sessions N] [--messages N] [--stored N] [--only TEXT] [--json FILE]
                 [--compare FILE] [--peers] [--assert] [--quick]
npm run bench -- --peers --only peers       the peers alone
npm run bench -- scale [--rounds N] [--sizes 1000,10000,100000] [--lengths 10,100,1000,10000] [--json FILE] [--svg FILE] [--quick]
npm run bench:gate -- [--write]`;

export class UsageError extends Error {}

/** @throws UsageError */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parsed(args);
  const quick = values.quick ?? false;
  const rounds = wholeNumber('rounds', values.rounds ?? (quick ? '2' : '5'));
  if (rounds < 5 && !quick)
    throw new UsageError('fewer than 5 rounds show nothing; --quick makes a smoke run of them');
  const sessions = wholeNumber('sessions', values.sessions ?? '2000');
  if (sessions < 1000 && !quick)
    throw new UsageError('the limits are for at least 1,000 sessions; --quick makes a smoke run of fewer');
  return {
    rounds,
    sessions,
    messages: wholeNumber('messages', values.messages ?? (quick ? '4000' : '20000')),
    stored: wholeNumber('stored', values.stored ?? (quick ? '20000' : '100000')),
    only: values.only ?? '',
    quick,
    peers: values.peers ?? false,
    assert: values.assert ?? false,
    json: values.json,
    compare: values.compare,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        ...{ rounds: { type: 'string' }, sessions: { type: 'string' }, messages: { type: 'string' } },
        ...{ stored: { type: 'string' }, only: { type: 'string' }, json: { type: 'string' } },
        ...{ compare: { type: 'string' }, peers: { type: 'boolean' }, assert: { type: 'boolean' } },
        quick: { type: 'boolean' },
      } as const,
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

export function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new UsageError(`--${name} takes a whole number above 0, not ${text}`);
}

export const wholeNumbers = (name: string, text: string): readonly number[] =>
  text.split(',').map((part) => wholeNumber(name, part));
