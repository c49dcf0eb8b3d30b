// All heads in two numbers that do not depend on their order: what a close writes down, and the next opening counts again.
import { largeSteps } from '../head-page.ts';
import { prefixRange } from '../keys.ts';
import type { Store } from '../level-store.ts';

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

export async function tallyHeads(db: Store): Promise<HeadTally> {
  let heads = 0;
  let digest = 0;
  await eachHead(db, (_, stored) => {
    heads += 1;
    digest = (digest + beginningOf(stored)) % modulus;
  });
  return { heads, digest };
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
