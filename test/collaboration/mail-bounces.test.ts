// What cannot be delivered goes back to its sender, whatever state that is in, and holds up nothing.
import { expect, onTestFinished, test } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import { Mail } from '../../src/collaboration/links/mail.ts';
import type { StoredEvent } from '../../src/journal/journal.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { codeOf } from '../support/outcome.ts';

const stream = 'session/a';
const states = {
  'is damaged': new HoldfastError('JOURNAL_CORRUPT', { stream, seq: 1, problem: 'rot' }),
  'ends its replay': new HoldfastError('SESSION_POISONED', { sessionId: 'a', problem: 'it loops' }),
  'is deleted': new HoldfastError('SESSION_NOT_FOUND', { sessionId: 'a' }),
  'cannot be read now': new HoldfastError('JOURNAL_UNAVAILABLE', { problem: 'busy' }),
};

/** The mail of a session whose own stream is as it is. */
async function world(refusal: HoldfastError) {
  const { clock, open } = memoryJournal();
  const journal = await open();
  const told: StoredEvent[] = [];
  const reports: string[] = [];
  const mail = new Mail({
    ...{ journal, clock, mailboxSize: 10, telemetry: (name) => void reports.push(name) },
    tell: (_, events) => void told.push(...events),
    session: async (sessionId) => {
      throw sessionId === 'a' ? refusal : new HoldfastError('SESSION_NOT_FOUND', { sessionId });
    },
  });
  onTestFinished(async () => {
    await mail.host.close();
    await journal.close();
  });
  await mail.host.send('a', { type: 'mail.send', messageId: 'm', to: 'b', name: 'note', payload: 1 });
  const [sent] = told;
  const carry = () => codeOf((sent && mail.on(sent)?.run()) ?? Promise.reject(new Error('none')));
  return { mail, carry, reports };
}

test.each([
  ['is damaged', 'answered', 1],
  ['ends its replay', 'answered', 1],
  ['is deleted', 'answered', 0],
  ['cannot be read now', 'JOURNAL_UNAVAILABLE', 0],
] as const)('to a sender whose session %s', async (how, outcome, dead) => {
  const { mail, carry, reports } = await world(states[how]);
  expect(await carry()).toBe(outcome);
  expect(reports).toContain('mail.bounced');
  expect((await mail.host.read('a')).state.dead).toHaveLength(dead);
  expect(await mail.undelivered()).toHaveLength(dead);
});
