// Writers of one number, and what each of them saw: for the suite, and for a longer run of the same.
import type { Json } from '../../src/base/json.ts';
import type { Client } from '../../src/client/client.ts';
import { checkLinearizable, type LinearModel, type ObservedCall } from '../../src/testing/linearizability.ts';

export type CounterInput = 'read' | { readonly swap: readonly [from: number, to: number] };
export type CounterCall = ObservedCall<CounterInput, number | boolean>;

/** A number that is read, and set where it is what it was thought to be. */
export const counterModel: LinearModel<number, CounterInput, number | boolean> = {
  initial: 0,
  step(state, input, output) {
    if (input === 'read') return output === undefined || output === state ? { state } : undefined;
    const [from, to] = input.swap;
    if (output !== undefined && output !== (state === from)) return undefined;
    return { state: state === from ? to : state };
  },
};

export const judgeCounter = (calls: readonly CounterCall[]): string =>
  checkLinearizable(calls, counterModel).verdict;

export interface WritersOptions {
  readonly client: Client;
  readonly spaceId: string;
  readonly writers: number;
  readonly each: number;
  readonly timeoutMs: number;
  /** Where what was seen is noted; nothing is noted without it. */
  readonly calls?: CounterCall[];
}

/** Each writer adds one, so often, by what `spaces.update` does when it loses. */
export async function incrementBySwaps({
  client,
  spaceId,
  writers,
  each,
  timeoutMs,
  calls,
}: WritersOptions): Promise<{ readonly attempts: number; readonly most: number }> {
  let tick = 0;
  let attempts = 0;
  let most = 0;
  const sessions = Array.from({ length: writers }, (_, i) => `w${i}`);
  for (const sessionId of sessions) {
    await client.sessions.create({ sessionId });
    await client.spaces.join({ spaceId, sessionId });
  }
  await Promise.all(
    sessions.map(async (sessionId) => {
      for (let n = 0; n < each; n++) {
        let calledAt = 0;
        let from = 0;
        const add = (value: Json | undefined): number => {
          calledAt = ++tick;
          from = Number(value ?? 0);
          return from + 1;
        };
        const updated = await client.spaces.update({ spaceId, sessionId, key: 'n', timeoutMs }, add);
        attempts += updated.attempts;
        most = Math.max(most, updated.attempts);
        calls?.push({ input: { swap: [from, from + 1] }, calledAt, returnedAt: ++tick, output: true });
      }
    }),
  );
  return { attempts, most };
}
