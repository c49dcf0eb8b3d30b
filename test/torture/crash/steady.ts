// What scenarios with deadlines share: time that passes in whole steps, so that every deadline is due at one of them or far away, and a
// system that is looked at once nothing is under way in it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Client } from '../../../src/client/client.ts';
import { createSystem, type System, type SystemOptions } from '../../../src/system.ts';
import type { CrashPorts } from '../../../src/testing/crash-matrix/scenario.ts';
import type { ManualClock } from '../../../src/testing/manual-clock.ts';

/** Longer than the ten seconds within which the matrix lets timers through while time stands still. */
export const stepMs = 20_000;

const startedAt = Date.UTC(2026, 0, 1);
/** Whatever is under way needs fewer turns of the loop; then real time is waited for, a millisecond at a time: modules are being loaded. */
const [mostTurns, longestWaits] = [4_000, 5_000];
/** What goes on without being seen has an effect within so many turns, so many times. */
const [turnsBetween, quietLooks] = [12, 2];

export interface Steady {
  readonly system: System;
  readonly client: Client;
  readonly clock: ManualClock;
  /** Calls that wait, by whatever names them: what became of them. */
  readonly calls: Map<string, WaitingCall>;
}

interface WaitingCall {
  readonly abort: () => void;
  outcome: 'waiting' | 'served' | 'told';
  error?: unknown;
}

/** A process that ended within a step begins at the end of it. */
export async function startSteady(
  { store, clock }: CrashPorts,
  options: Partial<SystemOptions> = {},
): Promise<Steady> {
  const over = (clock.now() - startedAt) % stepMs;
  if (over > 0) await clock.advance(stepMs - over);
  const rest = { passivateAfterMs: null, scrubEveryMs: 0 } as const;
  // Runs are begun by the system too, at any time: an id that a process before this one has given is not given again.
  const newId = () => randomUUID();
  const system = await createSystem({ ...rest, ...options, store, clock, newId });
  return { system, client: system.client, clock, calls: new Map() };
}

export const stepsUntil = (at: number): number => (at - startedAt) / stepMs;

/** What is seen once it has been the same for a while with nothing in it that is still to come. */
export async function settled<Seen>(
  look: () => Promise<Seen>,
  toCome: (seen: Seen) => string | undefined,
): Promise<Seen> {
  let last: Seen | undefined;
  for (let turns = 0, quiet = 0; ; ) {
    const seen = await look();
    const open = toCome(seen);
    assert.ok(turns < mostTurns + longestWaits, `what is under way does not come to its end: ${open}`);
    quiet = open === undefined && isDeepStrictEqual(seen, last) ? quiet + 1 : 0;
    if (quiet >= quietLooks) return seen;
    last = seen;
    for (let n = 0; n < turnsBetween; n++, turns++) await (turns < mostTurns ? turn() : delay(1));
  }
}

/** Sends what may have to wait; answers once it was answered, or `waits` says that it stands in line. */
export async function callOf(
  { calls }: Steady,
  key: string,
  send: (signal: AbortSignal) => Promise<unknown>,
  waits: () => Promise<boolean>,
): Promise<unknown> {
  const abort = new AbortController();
  const call: WaitingCall = { abort: () => abort.abort(new Error('not waited for')), outcome: 'waiting' };
  const sent = send(abort.signal);
  sent.then(
    () => {
      call.outcome = 'served';
    },
    (error: unknown) => {
      call.outcome = 'told';
      call.error = error;
    },
  );
  while (call.outcome === 'waiting') {
    if (await waits().catch(() => false)) {
      calls.set(key, call);
      return undefined;
    }
    await turn();
  }
  return sent;
}

/** Undefined for a session that is not there. */
export async function statusOf({ sessions }: Client, sessionId: string): Promise<string | null> {
  try {
    return (await sessions.get({ sessionId })).status;
  } catch (error) {
    // What the disk refused is no answer.
    if ((error as { readonly code?: string }).code === 'SESSION_NOT_FOUND') return null;
    throw error;
  }
}

export const isOver = (status: string | null | undefined): boolean =>
  status === null || status === undefined || ['terminated', 'archived', 'deleted'].includes(status);
