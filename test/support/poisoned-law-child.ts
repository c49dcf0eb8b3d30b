// Loaded into a process before its program (`--import`): the law of a session as a version with a bug would have it. It folds
// messages that begin with `poison:` as the word behind it says, all others as ever, or every event so.
import { readdirSync, readFileSync } from 'node:fs';

const loop = (): never => {
  for (;;);
};

const takeAll = (): never => {
  for (const held: unknown[] = []; ; ) held.push(new Array(10_000).fill(held.length));
};

const takeBuffers = (): never => {
  for (const held: unknown[] = []; ; ) held.push(Buffer.alloc(2 ** 20, 1));
};

export function poisonOf({ type, data }: { readonly type: string; readonly data: unknown }): void {
  const { content } = (data ?? {}) as { readonly content?: unknown };
  const word = process.env.POISON_EVERY_EVENT ?? (type === 'message.sent' ? String(content) : '');
  if (word.startsWith('poison:throw')) throw new RangeError('the law has a bug');
  if (word.startsWith('poison:loop')) loop();
  if (word.startsWith('poison:memory')) takeAll();
  if (word.startsWith('poison:buffers')) takeBuffers();
}

interface Patched {
  evolve(state: unknown, event: { readonly type: string; readonly data: unknown }): unknown;
}

/** The file of the package in which the law stands. */
function builtLaw(): URL {
  const chunks = new URL('../../../dist/chunks/', import.meta.url);
  const holdsLaw = (file: string): boolean =>
    /^export \{[^}]*\bsessionLaw\b/m.test(readFileSync(new URL(file, chunks), 'utf8'));
  const name = readdirSync(chunks).find((file) => file.endsWith('.js') && holdsLaw(file));
  if (name === undefined) throw new Error('No file of dist/chunks exports sessionLaw');
  return new URL(name, chunks);
}

if (import.meta.url.endsWith('.js')) {
  const { sessionLaw } = (await import(builtLaw().href)) as { readonly sessionLaw: Patched };
  const { evolve } = sessionLaw;
  sessionLaw.evolve = (state, event) => {
    poisonOf(event);
    return evolve(state, event);
  };
}
