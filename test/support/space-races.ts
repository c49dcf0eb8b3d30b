// Sessions that write one key of a space over a journal whose every append is let go by a scheduler: what each of them saw is judged
// as one history.
import fc from 'fast-check';
import { HoldfastError } from '../../src/base/errors.ts';
import { EntityHost } from '../../src/collaboration/entity-host.ts';
import type { SpaceCommand } from '../../src/domain/space/space-commands.ts';
import { spaceLaw } from '../../src/domain/space/space-law.ts';
import { type SpaceState, versionOf } from '../../src/domain/space/space-state.ts';
import { checkLinearizable, type LinearModel, type ObservedCall } from '../../src/testing/linearizability.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { scheduledJournal } from './scheduled-journal.ts';

type Step = 'read' | 'swap' | 'blind';

/** What each session does, one thing after the other. */
export const swapPlans = fc.array(
  fc.array(fc.constantFrom<Step>('read', 'swap', 'swap', 'blind'), { minLength: 1, maxLength: 4 }),
  {
    minLength: 2,
    maxLength: 4,
  },
);

type Input = 'read' | { readonly swap: number; readonly value: string } | { readonly set: string };

interface Seen {
  readonly version: number;
  readonly value: unknown;
}

/** A key with its version: what a swap answers is the version that it led to, 0 when it lost. */
const versioned: LinearModel<Seen, Input, Seen | number> = {
  initial: { version: 0, value: null },
  step(state, input, output) {
    if (input === 'read') return JSON.stringify(output) === JSON.stringify(state) ? { state } : undefined;
    const version = Number(output);
    if ('set' in input) return version > state.version ? { state: { version, value: input.set } } : undefined;
    if (input.swap !== state.version) return version === 0 ? { state } : undefined;
    return version > state.version ? { state: { version, value: input.value } } : undefined;
  },
};

export interface Race {
  readonly verdict: string;
  /** Writes that were answered and are not in the stream. */
  readonly lost: number;
}

export async function raceOfSwaps(
  plan: readonly (readonly Step[])[],
  scheduler: fc.Scheduler,
): Promise<Race> {
  const journal = scheduledJournal(scheduler);
  const host = new EntityHost<SpaceState, SpaceCommand>({
    ...{ law: spaceLaw(), journal, clock: manualClock(), mailboxSize: 100 },
    telemetry: () => {},
    tell: () => {},
  });
  const raced = race(host, plan, scheduler);
  await scheduler.waitFor(raced.then(() => undefined));
  const { calls, written } = await raced;
  const { state } = await host.read('s');
  const kept = new Set(state.entries.get('k')?.versions ?? []);
  host.kill();
  const lost = written.filter((version) => !kept.has(version)).length;
  return { verdict: checkLinearizable(calls, versioned).verdict, lost };
}

async function race(
  host: EntityHost<SpaceState, SpaceCommand>,
  plan: readonly (readonly Step[])[],
  scheduler: fc.Scheduler,
): Promise<{ calls: ObservedCall<Input, Seen | number>[]; written: number[] }> {
  const life = { name: null, scope: 'app', owner: 'app', durability: 'fsync', keptVersions: 50 } as const;
  await host.send('s', { type: 'space.create', ...life, policies: [] });
  const calls: ObservedCall<Input, Seen | number>[] = [];
  const written: number[] = [];
  let tick = 0;
  const observe = async (input: Input, call: () => Promise<Seen | number>): Promise<Seen | number> => {
    const calledAt = ++tick;
    const output = await call();
    calls.push({ input, calledAt, returnedAt: ++tick, output });
    if (typeof output === 'number' && output > 0) written.push(output);
    return output;
  };
  const read = (): Promise<Seen | number> =>
    observe('read', async () => {
      const { state } = await host.read('s');
      return { version: versionOf(state, 'k'), value: state.entries.get('k')?.value ?? null };
    });
  const write = (by: string, value: string, version?: number): Promise<Seen | number> => {
    const input: Input = version === undefined ? { set: value } : { swap: version, value };
    const reads = version === undefined ? [] : [{ key: 'k', version }];
    const writes = [{ op: 'set', key: 'k', value }] as const;
    return observe(input, async () => {
      const command = { type: 'space.write', by, cause: null, reads, writes, isTransaction: false } as const;
      const told = await host.send('s', command).catch((error: unknown) => {
        if (HoldfastError.is(error, 'VERSION_CONFLICT')) return { version: 0 };
        throw error;
      });
      return Number(told.version);
    });
  };
  await Promise.all(
    plan.map(async (steps, writer) => {
      for (const [n, step] of steps.entries()) {
        await scheduler.schedule(Promise.resolve(), `${writer}.${n}`);
        const by = `w${writer}`;
        if (step === 'read') await read();
        else if (step === 'blind') await write(by, `${by}.${n}`);
        else {
          const seen = (await read()) as Seen;
          await scheduler.schedule(Promise.resolve(), `${writer}.${n} has read`);
          await write(by, `${by}.${n}`, seen.version);
        }
      }
    }),
  );
  return { calls, written };
}
