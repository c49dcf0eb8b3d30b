// A session as a capsule, a page at a time. Nothing is kept between the pages: all that the next needs stands in the cursor.
import { HoldfastError } from '../../base/errors.ts';
import type { Json } from '../../base/json.ts';
import { sessionLaw, sessionStream } from '../../domain/session/session-law.ts';
import { type CapsuleHeader, capsuleFormat, digestAfter, wholeFormat } from '../../journal/capsule.ts';
import { CapsuleGenerations } from '../../journal/capsule-generations.ts';
import type { Head, Snapshot } from '../../journal/journal.ts';
import { eraseRecord } from '../../journal/record.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type { ExportPage } from '../../operations/views/views.ts';
import type { Condition } from '../../recovery/conditions/condition.ts';
import type { HandlerContext } from '../handlers/handler-context.ts';
import { isRedacted } from './redaction.ts';
import { generationsOf, readStored, type StoredPlace } from './stored-records.ts';

const pageRecords = 256;
const pageCharacters = 512 * 1024;

/** How far an export has come. */
interface Progress {
  readonly after: number;
  readonly through: number;
  readonly firstSeq: number;
  readonly digest: string;
  readonly redacted: number;
  readonly missing: number;
}

export async function exportCapsule(
  context: HandlerContext,
  input: ParsedInputOf<'sessions.export'>,
): Promise<ExportPage> {
  const page = new Page(input.cursor === undefined ? undefined : progressFrom(input.cursor));
  if (input.cursor === undefined) await begin(context, input, page);
  await addRecords(context, input, page);
  if (page.progress.after < page.progress.through)
    return { text: page.text, cursor: Buffer.from(JSON.stringify(page.progress)).toString('base64url') };
  await finish(context, input, page);
  return { text: page.text };
}

class Page {
  text = '';
  #progress: Progress | undefined;

  constructor(progress: Progress | undefined) {
    this.#progress = progress;
  }

  get progress(): Progress {
    if (this.#progress === undefined) throw new RangeError('the page has not begun');
    return this.#progress;
  }

  begin(head: Head): void {
    const { seq: through, firstSeq } = head;
    this.#progress = { after: firstSeq - 1, through, firstSeq, digest: '', redacted: 0, missing: 0 };
  }

  add(value: object, more: Partial<Progress> = {}): void {
    const line = JSON.stringify(value);
    const { progress } = this;
    this.#progress = { ...progress, ...more, digest: digestAfter(progress.digest, line) };
    this.text += `${line}\n`;
  }

  end(value: object): void {
    this.text += `${JSON.stringify(value)}\n`;
  }
}

async function begin(
  { journal, records, clock, manager }: HandlerContext,
  { sessionId, redact }: ParsedInputOf<'sessions.export'>,
  page: Page,
): Promise<void> {
  const stream = sessionStream(sessionId);
  const head = await journal.head(stream);
  if (head === undefined || head.firstSeq > head.seq)
    throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
  const { seq, firstSeq, chain, status } = head;
  // In memory alone there is no record, and a chain that is its seq.
  if (chain === String(seq)) throw new HoldfastError('NOT_JOURNALED', { sessionId });
  const generations = await generationsOf(records, head);
  const isWhole = generations.length === 0;
  const header: CapsuleHeader = {
    ...{ holdfast: 'capsule', formatVersion: isWhole ? wholeFormat : capsuleFormat },
    ...{ lawVersion: sessionLaw.version, sessionId, stream, exportedAt: clock.now() },
    ...{ firstSeq, seq, chain, status },
    condition: conditionOf(manager.health.condition(sessionId), redact !== undefined),
    redaction: (redact ?? null) as Json,
    ...(!isWhole && { generations }),
  };
  page.begin(head);
  page.add({ header });
}

/** Its reason and its error are free text, which may say anything of what was to be left out. */
function conditionOf(known: Condition | undefined, isRedacted: boolean): Json {
  if (known === undefined) return null;
  if (!isRedacted) return known as unknown as Json;
  const { condition, since, restarts, error } = known;
  return { condition, since, restarts, error: error?.code === undefined ? null : { code: error.code } };
}

async function addRecords(
  { records }: HandlerContext,
  { sessionId, redact }: ParsedInputOf<'sessions.export'>,
  page: Page,
): Promise<void> {
  const stream = sessionStream(sessionId);
  while (page.progress.after < page.progress.through && page.text.length < pageCharacters) {
    const { after, through } = page.progress;
    const places = await readStored(records, stream, after, Math.min(after + pageRecords, through));
    if (places.length === 0) throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
    const damaged = places.filter(isDamaged);
    if (damaged.length > 0) await assertGivenUp(records, stream, page.progress, damaged);
    for (const place of places) {
      if (isDamaged(place)) addGap(page, place.seq, damaged);
      else addRecord(page, place, redact);
      if (page.text.length >= pageCharacters) return;
    }
  }
}

function addRecord(
  page: Page,
  { event, value }: Exclude<StoredPlace, Damaged>,
  redact: ParsedInputOf<'sessions.export'>['redact'],
): void {
  const erased = redact !== undefined && isRedacted(redact, event);
  const redacted = page.progress.redacted + (erased || event.data === undefined ? 1 : 0);
  page.add({ record: erased ? eraseRecord(value) : value }, { after: event.seq, redacted });
}

/** One line for all that are missing one behind the other. */
function addGap(page: Page, from: number, damaged: readonly Damaged[]): void {
  if (from <= page.progress.after) return;
  const missing = new Set(damaged.map(({ seq }) => seq));
  let to = from;
  while (missing.has(to + 1)) to += 1;
  page.add({ gap: { from, to } }, { after: to, missing: page.progress.missing + to - from + 1 });
}

type Damaged = Extract<StoredPlace, { readonly damage: HoldfastError }>;

const isDamaged = (place: StoredPlace): place is Damaged => 'damage' in place;

/** What nobody has given up may not be missing: the first of it is named. */
async function assertGivenUp(
  records: HandlerContext['records'],
  stream: string,
  { firstSeq, through: seq }: Progress,
  damaged: readonly Damaged[],
): Promise<void> {
  const generations = new CapsuleGenerations(await generationsOf(records, { stream, firstSeq, seq }));
  const first = damaged.find((place) => !generations.gaveUp(place.seq));
  if (first !== undefined) throw first.damage;
}

/** A snapshot holds what was to be left out, so that a redacted capsule has none. */
async function finish(
  { journal }: HandlerContext,
  { sessionId, redact }: ParsedInputOf<'sessions.export'>,
  page: Page,
): Promise<void> {
  const { through, firstSeq } = page.progress;
  const snapshots: Snapshot[] = [];
  if (redact === undefined)
    // Who imports it parks nothing: a state of another replay is of no use there.
    for await (const snapshot of journal.snapshots(sessionStream(sessionId)))
      if (snapshot.seq <= through && snapshot.parked === undefined) snapshots.push(snapshot);
  for (const snapshot of snapshots) page.add({ snapshot });
  const { redacted, missing, digest } = page.progress;
  const events = through - firstSeq + 1 - missing;
  const counts = { events, redacted, snapshots: snapshots.length, ...(missing > 0 && { missing }) };
  page.end({ footer: { ...counts, digest } });
}

function progressFrom(cursor: string): Progress {
  try {
    const { after, through, firstSeq, digest, redacted, missing } = JSON.parse(
      Buffer.from(cursor, 'base64url').toString(),
    ) as Progress;
    const numbers = [after, through, firstSeq, redacted, missing];
    if (numbers.every(Number.isSafeInteger) && typeof digest === 'string' && after >= 0 && digest.length < 64)
      return { after, through, firstSeq, digest, redacted, missing };
  } catch {
    // it is none of ours
  }
  throw new HoldfastError('INVALID_CURSOR', { value: cursor });
}
