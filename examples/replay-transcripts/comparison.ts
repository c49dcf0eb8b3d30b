// What was sent against what was read back: content and order, session by session.
import { canonicalText, fromMessageInfo } from './chat-message.ts';
import type { ReadBack } from './read-back.ts';
import type { SessionScript } from './session-script.ts';

export interface Comparison {
  readonly readBack: number;
  /** Acknowledged, and not there. */
  readonly lost: number;
  /** There once more than they were sent. */
  readonly doubled: number;
  /** There, but not as any message was sent. */
  readonly altered: number;
  readonly outOfOrder: number;
  /** Where each of them was seen. */
  readonly findings: readonly string[];
}

export function compare(acknowledged: ReadonlyMap<SessionScript, number>, readBack: ReadBack): Comparison {
  const findings: string[] = [];
  const sum = { readBack: 0, lost: 0, doubled: 0, altered: 0, outOfOrder: 0 };
  const known = new Set<string>();
  for (const [script, count] of acknowledged) {
    const { sessionId, transcript } = script;
    known.add(sessionId);
    const read = readBack.get(sessionId);
    // The first command opens the session; each of the others sends a message.
    const sent = transcript.messages.slice(0, Math.max(0, count - 1)).map(canonicalText);
    const found = compareTexts(
      sent,
      (read ?? []).map((info) => canonicalText(fromMessageInfo(info))),
    );
    if (count > 0 && read === undefined) found.lost += 1;
    sum.readBack += read?.length ?? 0;
    for (const kind of ['lost', 'doubled', 'altered', 'outOfOrder'] as const) {
      sum[kind] += found[kind];
      if (found[kind] > 0) findings.push(`${sessionId}: ${found[kind]} ${kind}`);
    }
  }
  for (const sessionId of readBack.keys()) {
    if (known.has(sessionId)) continue;
    sum.doubled += 1;
    findings.push(`${sessionId}: nobody opened it`);
  }
  return { ...sum, findings };
}

/** What is left over on either side, once equal texts were matched, is what went wrong. */
function compareTexts(
  sent: readonly string[],
  read: readonly string[],
): { lost: number; doubled: number; altered: number; outOfOrder: number } {
  const places = placesOf(sent);
  let doubled = 0;
  let strange = 0;
  let outOfOrder = 0;
  let matched = 0;
  let last = -1;
  for (const text of read) {
    const open = places.get(text);
    const place = open && takePlace(open, last);
    if (place === undefined) {
      if (open === undefined) strange += 1;
      else doubled += 1;
      continue;
    }
    matched += 1;
    if (place < last) outOfOrder += 1;
    last = Math.max(last, place);
  }
  const missing = sent.length - matched;
  // One that nobody sent stands for one that is missing.
  return { lost: Math.max(0, missing - strange), doubled, altered: strange, outOfOrder };
}

function placesOf(texts: readonly string[]): Map<string, number[]> {
  const places = new Map<string, number[]>();
  for (const [place, text] of texts.entries()) {
    const open = places.get(text);
    if (open === undefined) places.set(text, [place]);
    else open.push(place);
  }
  return places;
}

/** The next place after the last one, where the same text stands more than once; else any that is left. */
function takePlace(open: number[], last: number): number | undefined {
  const index = open.findIndex((place) => place > last);
  return open.splice(Math.max(0, index), 1)[0];
}
