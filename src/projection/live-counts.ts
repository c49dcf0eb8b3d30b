// The live state of the session list: how many sessions show each status, and a revision. Anybody may subscribe to it.
import { createStore } from '@xstate/store';
import type { StatusCounts } from '../operations/views/views.ts';

export type LiveCounts = ReturnType<typeof createLiveCounts>;

export function createLiveCounts() {
  return createStore({
    context: { revision: 0, byStatus: {} as Readonly<Partial<StatusCounts>> },
    on: {
      /** Without counts the rows alone have changed. */
      changed: ({ revision, byStatus }, { counts }: { counts?: Partial<StatusCounts> }) => ({
        revision: revision + 1,
        byStatus: counts ?? byStatus,
      }),
    },
  });
}
