// What stands on the command line, told as a fault of the input where it is wrong.
import { InputFault } from './transcript.ts';

export function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new InputFault(error instanceof Error ? error.message : String(error));
  }
}

/** The seed that was given, or one by chance. */
export function readSeed(seed = String(Math.floor(Math.random() * 2 ** 31))): number {
  if (!/^\d{1,10}$/.test(seed)) throw new InputFault(`--seed takes a whole number, not ${seed}`);
  return Number(seed);
}
