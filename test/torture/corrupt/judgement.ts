// What a damaged store shows through the Client: whatever was acknowledged is there as it was, or is named; the rest serves on.
import { HoldfastError, toError } from '../../../src/base/errors.ts';
import { createSystem, type System } from '../../../src/system.ts';
import { contentOf, openings, sessionIds, type Writing } from './writing.ts';

export interface Judgement {
  /** Sessions that show all that was acknowledged, by id. */
  readonly intact: readonly string[];
  /** Sessions that do not, and are named as lost or damaged. */
  readonly named: readonly string[];
  /** Promises that broke. */
  readonly broken: readonly string[];
  readonly repaired: boolean;
  /** Those of which something does not prove that nobody who uses them has read. */
  readonly unproven: readonly string[];
}

/** What is sent to every session that is well. */
const afterDamage = 'after the damage';

interface Found {
  readonly contents: readonly string[];
  readonly error?: string;
}

/** Opens the store, looks at everything, writes to what is well, and opens it once more. */
export async function judge(writing: Writing): Promise<Judgement> {
  const first = await openAndLook(writing, new Map());
  if (first.broken.length > 0) return first;
  const sent = new Map(first.intact.map((sessionId) => [sessionId, afterDamage]));
  const second = await openAndLook(writing, sent);
  const broken = [...second.broken];
  for (const sessionId of first.intact) {
    if (second.intact.includes(sessionId)) continue;
    // Nobody had read what was damaged: it was there to be found, and is named now.
    if (second.named.includes(sessionId) && first.unproven.includes(sessionId)) continue;
    broken.push(`${sessionId} was well, and is not after a restart`);
  }
  return { ...first, broken };
}

async function openAndLook(writing: Writing, sent: ReadonlyMap<string, string>): Promise<Judgement> {
  const intact: string[] = [];
  const named: string[] = [];
  const broken: string[] = [];
  const unproven: string[] = [];
  let repaired = false;
  const onTelemetry = ({ name }: { readonly name: string }): void => {
    repaired ||= name === 'store.repaired';
  };
  let system: System;
  try {
    system = await createSystem({ location: writing.location, onTelemetry });
  } catch (error) {
    return { intact, named, repaired, unproven, broken: [`it does not open: ${describe(error)}`] };
  }
  try {
    const conditions = await system.client.sessions.conditions({});
    for (const sessionId of sessionIds(writing)) {
      const found = await look(system, sessionId);
      const condition = conditions.find((each) => each.sessionId === sessionId);
      const fault = faultOf(writing, sessionId, found, sent.get(sessionId));
      if (fault?.kind === 'wrong') broken.push(`${sessionId} shows a wrong value: ${fault.problem}`);
      else if (fault === undefined && condition === undefined) intact.push(sessionId);
      else if (condition !== undefined || isNamed(found)) named.push(sessionId);
      else broken.push(`${sessionId} has lost something without a word: ${fault?.problem}`);
    }
    if (sent.size === 0) broken.push(...(await useAll(system, intact)));
    for (const sessionId of sent.size === 0 ? intact : [])
      if (!(await isProven(system, sessionId))) unproven.push(sessionId);
  } finally {
    await system.close().catch((error) => broken.push(`it does not close: ${describe(error)}`));
  }
  return { intact, named, broken, repaired, unproven };
}

const isProven = ({ client }: System, sessionId: string): Promise<boolean> =>
  client.sessions.verify({ sessionId }).then(
    ({ valid }) => valid,
    () => false,
  );

async function look({ client }: System, sessionId: string): Promise<Found> {
  const contents: string[] = [];
  try {
    await client.sessions.get({ sessionId });
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = await client.messages.list({ sessionId, limit: 50, ...(cursor && { cursor }) });
      for (const message of page.items) contents.push(String(message.content));
      cursor = page.cursor;
    }
    for (let opening = 0; opening < openings; opening++) {
      const { value } = await client.memory.get({ sessionId, key: `opening-${opening}` });
      if (value !== sessionId) return { contents, error: `WRONG memory ${String(value)}` };
    }
    return { contents };
  } catch (error) {
    return { contents, error: describe(error) };
  }
}

/** A code that says that something cannot be proven; not one that says that it never was. */
const isNamed = ({ error = '' }: Found): boolean =>
  /^(JOURNAL_CORRUPT|SESSION_QUARANTINED|HISTORY_LOST)/.test(error);

function faultOf(
  writing: Writing,
  sessionId: string,
  { contents, error }: Found,
  sent: string | undefined,
): { readonly kind: 'wrong' | 'short'; readonly problem: string } | undefined {
  const count = writing.messages * openings;
  const expected = Array.from({ length: count }, (_, n) => contentOf(writing, sessionId, n));
  if (sent !== undefined) expected.push(sent);
  if (writing.mayBeUsed) while (contents[expected.length] === afterDamage) expected.push(afterDamage);
  const wrong = contents.findIndex((content, n) => content !== expected[n]);
  if (wrong >= 0) return { kind: 'wrong', problem: `message ${wrong}` };
  if (error?.startsWith('WRONG')) return { kind: 'wrong', problem: error };
  if (error !== undefined) return { kind: 'short', problem: error };
  return contents.length < expected.length
    ? { kind: 'short', problem: `${contents.length} messages of ${expected.length}` }
    : undefined;
}

/** What is well takes writes, and so does what is new. */
async function useAll({ client }: System, intact: readonly string[]): Promise<readonly string[]> {
  const broken: string[] = [];
  const sends = intact.map((sessionId) =>
    client.messages.send({ sessionId, role: 'user', content: afterDamage }),
  );
  const created = client.sessions.create({ name: 'after the damage' });
  for (const outcome of await Promise.allSettled([...sends, created]))
    if (outcome.status === 'rejected')
      broken.push(`a healthy session is refused: ${describe(outcome.reason)}`);
  return broken;
}

function describe(thrown: unknown): string {
  const error = toError(thrown);
  return HoldfastError.is(error) ? `${error.code}: ${error.message}` : error.message;
}
