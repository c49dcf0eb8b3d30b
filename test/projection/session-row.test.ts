// The row of a session counts the agents that are at work, whatever was erased of what they were given and said.
import { expect, test } from 'vitest';
import type { LawEvent } from '../../src/domain/law.ts';
import { foldRow, newRow, type SessionRow } from '../../src/projection/session-row.ts';

const event = (type: string, at: number, data: unknown): LawEvent => ({
  ...{ stream: 'session/s', seq: at, at, typeVersion: 1, type, data },
});

for (const data of [{}, undefined])
  for (const end of ['agent.completed', 'agent.failed', 'agent.stopped'])
    test(`${end} ends one of those that were started, ${data === undefined ? 'erased' : 'whole'}`, () => {
      const active: SessionRow = { ...newRow('s', 0), status: 'active' };
      const rows = [active];
      for (const [i, type] of ['agent.started', 'agent.started', 'agent.crashed', end].entries())
        rows.push(foldRow(rows.at(-1) ?? active, event(type, i + 1, data)));
      expect(rows.map(({ agents, activeAt }) => [agents, activeAt])).toEqual([
        [0, 0],
        [1, 1],
        [2, 2],
        [2, 3],
        [1, 4],
      ]);
      expect(foldRow({ ...active, status: 'idle' }, event(end, 9, data)).activeAt).toBe(0);
    });
