// Whoever may answer an offer answers at once, while it is withdrawn and its deadline comes, over a journal whose every append is let
// go by a scheduler: one of them has it, and everybody is told the same.
import fc from 'fast-check';
import { toError } from '../../src/base/errors.ts';
import { EntityHost } from '../../src/collaboration/entity-host.ts';
import { heldHandoffs, noOwnership } from '../../src/domain/handoff/handoff.ts';
import type { SessionCommand } from '../../src/domain/session/session-commands.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import type { SessionState } from '../../src/domain/session/session-state.ts';
import type { CommandMeta } from '../../src/entity/command-meta.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { offer } from './handoff-life.ts';
import { scheduledJournal } from './scheduled-journal.ts';
import { opening } from './session-states.ts';

const deadlineMs = 10;

type Racer = 'accept a' | 'accept b' | 'reject a' | 'withdraw' | 'deadline' | 'write' | 'end';

export const racers = fc.array(
  fc.constantFrom<Racer>('accept a', 'accept b', 'reject a', 'withdraw', 'deadline', 'write', 'end'),
  { minLength: 2, maxLength: 7 },
);

interface Told {
  readonly racer: Racer;
  readonly code: string;
  readonly seq: number;
}

/** What does not fit together; undefined when all does. */
export async function raceForOffer(
  plan: readonly Racer[],
  scheduler: fc.Scheduler,
): Promise<string | undefined> {
  const clock = manualClock(1_000_000);
  const host = hostOver(scheduler, clock);
  const ended = run(host, clock, plan, scheduler);
  await scheduler.waitFor(ended.then(() => undefined));
  const told = await ended;
  const { state } = await host.read('s');
  host.kill();
  return judge(state, told);
}

function hostOver(scheduler: fc.Scheduler, clock: ReturnType<typeof manualClock>) {
  const journal = scheduledJournal(scheduler);
  return new EntityHost<SessionState, SessionCommand>({
    ...{ law: sessionLaw, journal, clock, mailboxSize: 100, telemetry: () => {}, tell: () => {} },
  });
}

type Host = ReturnType<typeof hostOver>;

async function run(
  host: Host,
  clock: ReturnType<typeof manualClock>,
  plan: readonly Racer[],
  scheduler: fc.Scheduler,
): Promise<Told[]> {
  await host.send('s', opening());
  const to = { sessionId: null, agent: 'human' };
  const { handoffId } = await host.send('s', offer({ to, deadlineMs, kind: 'context_transfer' }));
  const told: Told[] = [];
  const send = async (racer: Racer, command: SessionCommand, meta?: CommandMeta): Promise<void> => {
    const answered = host.send('s', command, meta).then(
      ({ seq }) => ({ code: 'ok', seq }),
      (error: unknown) => ({ code: (toError(error) as { code?: string }).code ?? String(error), seq: 0 }),
    );
    told.push({ racer, ...(await answered) });
  };
  const id = String(handoffId);
  await Promise.all(
    plan.map(async (racer, n) => {
      await scheduler.schedule(Promise.resolve(), `${n} ${racer}`);
      if (racer === 'deadline') await clock.advance(deadlineMs);
      else await send(racer, ...commandOf(racer, id));
    }),
  );
  return told;
}

function commandOf(racer: Exclude<Racer, 'deadline'>, handoffId: string): [SessionCommand, CommandMeta?] {
  const by = racer.slice(-1);
  switch (racer) {
    case 'accept a':
    case 'accept b':
      return [{ type: 'handoff.accept', handoffId, by, agent: 'human' }];
    case 'reject a':
      return [{ type: 'handoff.reject', handoffId, by, agent: 'human', reason: 'busy' }];
    case 'withdraw':
      return [{ type: 'handoff.withdraw', handoffId, reason: 'changed' }];
    case 'end':
      return [{ type: 'session.terminate', reason: 'r', cleanup: false }];
    case 'write':
      // The owner before, who does not know yet.
      return [{ type: 'memory.set', key: 'k', value: 1 }, { ownership: { owner: 's', epoch: 0 } }];
  }
}

/** Whoever was told that he has it has it; nobody else was told so; and no write of the owner before came behind it. */
function judge({ ownership = noOwnership }: SessionState, told: readonly Told[]): string | undefined {
  const [handoff, ...others] = heldHandoffs(ownership);
  if (handoff === undefined || others.length > 0) return 'there is not one handoff';
  const won = told.filter(({ racer, code }) => racer.startsWith('accept') && code === 'ok');
  const names = new Set(won.map(({ racer }) => racer.slice(-1)));
  if (names.size > 1) return `${[...names].join(' and ')} were told that they own it`;
  const [winner = null] = names;
  if (ownership.owner !== winner) return `${ownership.owner} owns it, and ${winner} was told so`;
  if (ownership.ownershipEpoch !== (winner === null ? 0 : 1))
    return `the epoch is ${ownership.ownershipEpoch}`;
  const settledBy = { 'reject a': 'rejected', withdraw: 'withdrawn' } as const;
  for (const { racer, code } of told) {
    const status = racer === 'withdraw' || racer === 'reject a' ? settledBy[racer] : undefined;
    if (status !== undefined && (code === 'ok') !== (handoff.status === status))
      return `${racer} was told ${code}, and it is ${handoff.status}`;
  }
  const acceptedAt = Math.min(...won.map(({ seq }) => seq));
  const late = told.find(({ racer, code, seq }) => racer === 'write' && code === 'ok' && seq > acceptedAt);
  return late === undefined ? undefined : 'the owner before wrote behind the new one';
}
