// The stores that are damaged: real sessions, written in several openings, so that there are several tables and a log.
import { createHash } from 'node:crypto';
import { createSystem } from '../../../src/system.ts';

export interface Writing {
  readonly location: string;
  readonly content: 'compressible' | 'incompressible';
  readonly sessions: number;
  /** Of each session in each opening. */
  readonly messages: number;
  /** True when a process may have written to it after the damage. */
  readonly mayBeUsed?: boolean;
}

export const openings = 3;

/** What is sent last of all before a kill: its loss alone may go unreported. */
const trailer = 'trailer';

export const sessionIds = ({ sessions }: Writing): readonly string[] =>
  Array.from({ length: sessions }, (_, n) => `s${n}`);

/** The nth message of a session: the same for whoever asks. */
export function contentOf({ content }: Writing, sessionId: string, n: number): string {
  const own = `${sessionId} ${n} `;
  if (content === 'compressible') return own + 'the same words again and again '.repeat(12);
  const noise = Array.from({ length: 10 }, (_, part) =>
    createHash('sha256').update(`${own}${part}`).digest('base64'),
  );
  return own + noise.join('');
}

/** Carries out one of the openings; answers with what closes it. All that it sends is acknowledged by then. */
export async function write(writing: Writing, opening: number): Promise<() => Promise<void>> {
  const system = await createSystem({ location: writing.location });
  const { sessions, messages, memory } = system.client;
  const first = opening * writing.messages;
  for (const sessionId of sessionIds(writing)) {
    if (opening === 0) await sessions.create({ sessionId, name: `of ${sessionId}` });
    // One after the other, so that there are many group commits.
    for (let n = first; n < first + writing.messages; n++)
      await messages.send({ sessionId, role: 'user', content: contentOf(writing, sessionId, n) });
    await memory.set({ sessionId, key: `opening-${opening}`, value: sessionId });
  }
  await sessions.create({ sessionId: `${trailer}-${opening}` });
  return () => system.close();
}
