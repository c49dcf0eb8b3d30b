// The store without Holdfast: the records of LevelDB as they lie there, checked by nothing but their own words.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Level } from 'level';
import { keyIn, type SeenEvent } from './order.ts';
import type { Reading } from './store-reading.ts';

/** `e!<stream>!<seq>` holds `<hash>\n<header>\n<salt>\n<payload>`. */
const eventKeys = { gte: 'e!', lt: 'e"' };
const recordPattern = /^(?<hash>[^\n]*)\n(?<header>[^\n]*)\n(?<salt>[^\n]*)\n(?<payload>.*)$/s;

interface Header {
  readonly stream: string;
  readonly seq: number;
  readonly type: string;
  readonly prev: string;
  readonly payloadDigest: string;
  readonly meta: { readonly operationId?: string };
}

export async function scanStore(location: string): Promise<Reading> {
  const level = new Level<string, string>(join(location, 'store'), { createIfMissing: false });
  const sessions = new Map<string, SeenEvent[]>();
  const problems: string[] = [];
  let before = { stream: '', hash: '' };
  try {
    for await (const [key, value] of level.iterator(eventKeys)) {
      const [, stream = '', place = ''] = key.split('!');
      const seq = Number.parseInt(place, 36);
      const prev = stream === before.stream ? before.hash : '';
      const { event, hash, problem } = readRecord({ stream, seq, prev }, value);
      if (problem !== undefined) problems.push(`record ${seq} of ${stream}: ${problem}`);
      before = { stream, hash };
      // Receipts and conditions stand beside the sessions.
      if (!stream.startsWith('session/')) continue;
      const sessionId = stream.slice('session/'.length);
      const events = sessions.get(sessionId);
      if (events === undefined) sessions.set(sessionId, [event]);
      else events.push(event);
    }
    for (const [sessionId, events] of sessions)
      problems.push(
        ...headProblems(sessionId, events.at(-1)?.seq, await level.get(`h!session/${sessionId}`)),
      );
  } finally {
    await level.close();
  }
  return { sessions, problems };
}

function readRecord(
  place: { readonly stream: string; readonly seq: number; readonly prev: string },
  value: string,
): { readonly event: SeenEvent; readonly hash: string; readonly problem?: string } {
  const {
    hash = '',
    header: text = '{}',
    salt = '',
    payload = 'null',
  } = recordPattern.exec(value)?.groups ?? {};
  const { stream, seq, type, prev, payloadDigest, meta } = JSON.parse(text) as Header;
  const data: unknown = JSON.parse(payload);
  const event: SeenEvent = { seq: place.seq, type, data, key: meta.operationId };
  const told = keyIn(type, data);
  const problems = [
    ...(stream === place.stream && seq === place.seq ? [] : [`it says that it is ${seq} of ${stream}`]),
    ...(digest(text) === hash ? [] : ['its header does not match its hash']),
    ...(digest(salt + payload) === payloadDigest ? [] : ['its payload does not match its digest']),
    ...(prev === place.prev ? [] : ['it does not name the record before it']),
    ...(told === undefined || told === event.key
      ? []
      : [`its operation is ${event.key}, its content of ${told}`]),
  ];
  return { event, hash, ...(problems.length > 0 && { problem: problems.join(', ') }) };
}

/** The head is JSON behind a checksum. */
function headProblems(sessionId: string, last: number | undefined, stored: string | undefined): string[] {
  // A checksum, then a list that begins with version and seq.
  const [, seq] = JSON.parse(stored?.slice(stored.indexOf('[')) ?? '[]') as [version?: string, seq?: number];
  return seq === last ? [] : [`the head of ${sessionId} is at ${seq}, its last record at ${last}`];
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
