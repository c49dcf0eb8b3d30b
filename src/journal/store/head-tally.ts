// All heads in two numbers that do not depend on their order: what a close writes down, and the next opening counts again.
import { largeSteps } from '../head/head-page.ts';
import { prefixRange } from '../keys.ts';
import type { Store } from '../level-store.ts';

export type LookAtHead = (key: string, stored: string) => void;

export interface HeadTally {
  readonly heads: number;
  /** The sum of the beginnings of their checksums, each of which covers the key too. */
  readonly digest: number;
}

const headsPerStep = 1_000;
/** Eight characters of base64url are 48 bits, of which sums stay exact for as long as they are cut. */
const digestCharacters = 8;
const modulus = 2 ** 48;

const values = new Map(
  [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].map((character, value) => [
    character.charCodeAt(0),
    value,
  ]),
);
const digitOf = new Uint8Array(128).map((_, code) => values.get(code) ?? 0);

/** A tally that is being made: sees every head once, in any order. */
export class HeadCount {
  #heads = 0;
  #digest = 0;

  get tally(): HeadTally {
    return { heads: this.#heads, digest: this.#digest };
  }

  see(stored: string): void {
    this.#heads += 1;
    this.#digest = (this.#digest + beginningOf(stored)) % modulus;
  }

  equals({ heads, digest }: HeadTally): boolean {
    return this.#heads === heads && this.#digest === digest;
  }
}

/** `look` is shown every head beside. */
export async function countHeads(db: Store, look: LookAtHead = () => {}): Promise<HeadCount> {
  const count = new HeadCount();
  await eachHead(db, (key, stored) => {
    count.see(stored);
    look(key, stored);
  });
  return count;
}

/** Shows every head as it is stored, in the order of the streams; what is read next is read meanwhile. */
export async function eachHead(
  db: Store,
  take: (key: string, stored: string) => void | Promise<void>,
): Promise<void> {
  const iterator = db.iterator({ ...prefixRange('h!'), ...largeSteps });
  try {
    let coming = iterator.nextv(headsPerStep);
    for (let step = await coming; step.length > 0; step = await coming) {
      coming = iterator.nextv(headsPerStep);
      // What is thrown below must not leave a rejection behind that nobody hears.
      coming.catch(() => undefined);
      for (const [key, stored] of step) {
        const taken = take(key, stored);
        if (taken !== undefined) await taken;
      }
    }
  } finally {
    await iterator.close();
  }
}

function beginningOf(stored: string): number {
  let value = 0;
  for (let i = 0; i < digestCharacters; i++) value = value * 64 + (digitOf[stored.charCodeAt(i) & 127] ?? 0);
  return value;
}
