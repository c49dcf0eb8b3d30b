// A disk on which pages of heads can be held back, as the session list reads them; the survey of a boot is not paged.
import type { FaultyLevel } from '../../src/testing/faulty-level.ts';

export interface GatedHeads {
  /** Pages that were asked for since they were held back last. */
  readonly asked: number;
  hold(): void;
  /** Lets one of those that wait pass. */
  passOne(): void;
  release(): void;
}

type Iterator = { nextv(...args: unknown[]): Promise<unknown> };

/** For handles that are opened from now on. */
export function gateHeads(disk: FaultyLevel): GatedHeads {
  const waiting: (() => void)[] = [];
  let [held, asked] = [false, 0];
  const pass = async (): Promise<void> => {
    if (!held) return;
    asked += 1;
    await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const open = async () => {
    const handle = await opened();
    const { iterator } = handle as unknown as { iterator(options: object): Iterator };
    const gated = (options: { readonly gte?: string; readonly gt?: string; readonly limit?: number }) => {
      const made = Reflect.apply(iterator, handle, [options]) as Iterator;
      const { nextv } = made;
      if (options.limit === undefined || !(options.gte ?? options.gt ?? '').startsWith('h!session/'))
        return made;
      return Object.assign(made, {
        nextv: (...args: unknown[]) => pass().then(() => Reflect.apply(nextv, made, args)),
      });
    };
    return Object.assign(handle, { iterator: gated });
  };
  const opened = disk.open;
  Object.assign(disk, { open });
  return {
    get asked() {
      return asked;
    },
    hold() {
      held = true;
      asked = 0;
    },
    passOne: () => waiting.shift()?.(),
    release() {
      held = false;
      for (const go of waiting.splice(0)) go();
    },
  };
}
