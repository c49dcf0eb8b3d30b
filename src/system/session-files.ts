// Exported sessions as files, through any client: the same in process and over a wire.
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { HoldfastError } from '../base/errors.ts';
import type { Client } from '../client/client.ts';
import type { CapsuleFooter } from '../journal/capsule.ts';
import type { CapsuleGeneration } from '../journal/capsule-generations.ts';
import type { InputOf, OutputOf } from '../operations/registry.ts';
import { CapsuleReplay, liveThrough } from '../session/capsule/capsule-replay.ts';
import { assertGiven, assertText, type Members } from './given.ts';

export type ExportOptions = Omit<InputOf<'sessions.export'>, 'cursor'> & { readonly file: string };

export type ImportOptions = Omit<InputOf<'sessions.import'>, 'text' | 'uploadId'> & { readonly file: string };

/** What was written. */
export interface ExportReport {
  /** The file, as an absolute path. */
  readonly path: string;
  readonly bytes: number;
  /** Events in it, and those among them without their payload; null for JSON, which has messages in place of events. */
  readonly events: number | null;
  readonly redacted: number | null;
}

export interface CapsuleReport {
  /** Every line, hash and link holds, and nothing is missing that was not given up. */
  readonly valid: boolean;
  /** The law takes all of its events: it can be imported. Never true of one that is not valid. */
  readonly replays: boolean;
  readonly sessionId: string | null;
  readonly events: number;
  /** Events without their payload. */
  readonly redacted: number;
  /** Oldest first: each event that began the chain anew, what it goes on from, and what was given up then. */
  readonly generations: readonly CapsuleGeneration[];
  /** Events of which there is no record: each was given up. */
  readonly missing: number;
  readonly head: { readonly seq: number; readonly chain: string } | null;
  readonly problems: readonly string[];
}

const exportMembers: Members<ExportOptions> = {
  sessionId: 'text',
  file: 'text',
  format: 'optional',
  redact: 'optional',
};

const importMembers: Members<ImportOptions> = {
  file: 'text',
  as: 'optional',
  overwrite: 'optional',
  agents: 'optional',
};

/** A piece of an upload, far below what one call may bring along, whatever its characters become as JSON. */
const pieceCharacters = 128 * 1024;

/** Writes a session to a file for its owner alone, which takes the place of the one that is there when it is whole. */
export async function exportSession(client: Client, options: ExportOptions): Promise<ExportReport> {
  assertGiven('exportSession', options, exportMembers);
  const { file, ...input } = options;
  const path = resolve(file);
  const draft = `${path}.tmp`;
  await rm(draft, { force: true });
  const written = await open(draft, 'wx', 0o600);
  let bytes = 0;
  let end = '';
  try {
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = await client.sessions.export({ ...input, ...(cursor !== undefined && { cursor }) });
      await written.writeFile(page.text);
      bytes += Buffer.byteLength(page.text);
      end = page.text;
      cursor = page.cursor;
    }
    await written.sync();
    await written.close();
    await rename(draft, path);
    return { path, bytes, ...countsOf(end) };
  } catch (error) {
    await written.close();
    await rm(draft, { force: true });
    throw error;
  }
}

/** A capsule ends with a line of its own that counts what it holds. */
function countsOf(end: string): Pick<ExportReport, 'events' | 'redacted'> {
  const last = end.slice(end.lastIndexOf('\n', end.length - 2) + 1);
  if (!last.startsWith('{"footer":')) return { events: null, redacted: null };
  const { footer } = JSON.parse(last) as { readonly footer: CapsuleFooter };
  return { events: footer.events, redacted: footer.redacted };
}

/** Brings a session in from a file that {@link exportSession} wrote, of either format. */
export async function importSession(
  client: Client,
  options: ImportOptions,
): Promise<OutputOf<'sessions.import'>> {
  assertGiven('importSession', options, importMembers);
  const { file, ...input } = options;
  let uploadId: string | undefined;
  const pieces = createReadStream(file, { encoding: 'utf8', highWaterMark: pieceCharacters });
  for await (const text of pieces as AsyncIterable<string>)
    uploadId = (await client.sessions.upload({ text, ...(uploadId !== undefined && { uploadId }) })).uploadId;
  return client.sessions.import(uploadId === undefined ? { ...input, text: '' } : { ...input, uploadId });
}

/** Says whether a capsule holds: its lines, hashes and chain, and whether the law of a session takes its events. Needs no store. */
export async function verifyCapsule(file: string): Promise<CapsuleReport> {
  assertText('verifyCapsule', 'file', file);
  const replay = new CapsuleReplay(false);
  try {
    for await (const line of createInterface({ input: createReadStream(file) }))
      if (line !== '') replay.take(line);
    const capsule = replay.end();
    const { sessionId, seq, chain } = capsule.header;
    const lived = liveThrough(capsule);
    const { events, redacted, missing = 0 } = capsule.footer;
    const { generations = [] } = capsule.header;
    const counts = { events, redacted, generations, missing };
    const known = { valid: true, sessionId, ...counts, head: { seq, chain } };
    if (!('halt' in lived)) return { ...known, replays: true, problems: [] };
    const { seq: at, type, problem } = lived.halt;
    return { ...known, replays: false, problems: [`event ${at}, ${type}: ${problem}`] };
  } catch (error) {
    if (!HoldfastError.is(error)) throw error;
    const nothing = { sessionId: null, events: 0, redacted: 0, generations: [], missing: 0, head: null };
    return { valid: false, replays: false, ...nothing, problems: [error.message] };
  }
}
