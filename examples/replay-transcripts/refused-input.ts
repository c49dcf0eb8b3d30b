// What the system will not take of an input, told as a fault of the input: where it is, and what is wrong with it.
import type { ErrorCode } from 'holdfast';
import type { Refusal } from './ledger.ts';
import { InputFault } from './transcript.ts';

/** Any other refusal is not the input's fault. */
const inputCodes: readonly string[] = [
  'INVALID_INPUT',
  'NOT_JSON',
  'TOO_DEEP',
  'TOO_LARGE',
  'VALUE_TOO_LARGE',
  'BATCH_TOO_LARGE',
] satisfies ErrorCode[];

/** Throws an InputFault for the first refusal that the input has caused. */
export function assertTaken(source: string, refusals: readonly Refusal[]): void {
  const refusal = refusals.find(({ code }) => inputCodes.includes(code));
  if (refusal === undefined) return;
  const { script, place, message } = refusal;
  const what = place === 0 ? 'what stands beside the messages' : `message ${place}`;
  throw new InputFault(`${source}, line ${script.transcript.line}: ${what} cannot be kept: ${message}`);
}
