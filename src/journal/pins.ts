// What holds a stream's beginning: whoever still reads records of it says from where on, and retention takes nothing of that.
import type { KeyValue } from './journal.ts';

const prefixOf = (stream: string): string => `pins/${stream}/`;

/** Held under the name of whoever holds it. */
export const pinKey = (stream: string, holder: string): string => prefixOf(stream) + holder;

/** A pin as it is stored: records behind `after` are held. */
interface Pin {
  readonly after: number;
}

/** How far a stream may be trimmed of what was asked for. */
export async function unpinned(kv: KeyValue, stream: string, through: number): Promise<number> {
  let allowed = through;
  for (const key of await kv.keys(prefixOf(stream))) {
    const pin = (await kv.get(key)) as unknown as Pin | undefined;
    if (pin !== undefined) allowed = Math.min(allowed, pin.after);
  }
  return allowed;
}
