// A journal in memory whose every append is let go by a scheduler.
import type fc from 'fast-check';
import { defaultLimits } from '../../src/journal/default-limits.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { VolatileJournal } from '../../src/journal/volatile-journal.ts';

export function scheduledJournal(scheduler: fc.Scheduler): Journal {
  const streams = new VolatileJournal({ limits: defaultLimits, epoch: 1 });
  const append = scheduler.scheduleFunction(streams.append.bind(streams));
  return new Proxy(streams, {
    get(target, name) {
      if (name === 'append') return append;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  }) as unknown as Journal;
}
