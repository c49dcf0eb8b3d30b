// The process of one size of the scale: see scale-process.ts.
import type { Lap } from './lap.ts';
import type { ScaleAnswer, ScaleRequest, ScaleTask } from './scale-process.ts';
import { scaledConversations } from './scaled-conversations.ts';
import { scaledSessions } from './scaled-sessions.ts';

/** A round of each operation by its name; those that only make ready answer with nothing. */
export type ScaledOperations = Readonly<Record<string, (round: number) => Promise<Lap | undefined>>>;

const task = JSON.parse(process.argv[2] ?? '{}') as ScaleTask;
const operations = task.kind === 'sessions' ? scaledSessions(task) : scaledConversations(task);

process.on('message', (request: ScaleRequest) => void answer(request));
// An open system holds its process: without this one would outlive a bench that was killed.
process.on('disconnect', () => process.exit());

async function answer({ operation, round }: ScaleRequest): Promise<void> {
  const run = operations[operation];
  const said: ScaleAnswer = await (run?.(round) ?? Promise.reject(new Error('unknown'))).then(
    (lap) => ({ lap }),
    (error: unknown) => ({ problem: String(error) }),
  );
  process.send?.(said);
  if (operation === 'close') process.disconnect?.();
}
