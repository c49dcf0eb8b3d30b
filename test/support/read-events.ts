// Readers of a journal as tests open them: of streams, or of the feed, each with a source of its own.
import type { Telemetry } from '../../src/base/telemetry.ts';
import type { Listen, Received } from '../../src/entity/announcement.ts';
import type { EventReader } from '../../src/entity/event-reader.ts';
import { EventReaders } from '../../src/entity/event-readers.ts';
import { FeedSource } from '../../src/entity/feed-source.ts';
import { StreamSource } from '../../src/entity/stream-source.ts';
import type { Journal } from '../../src/journal/journal.ts';

interface Options {
  readonly signal?: AbortSignal | undefined;
  readonly telemetry?: Telemetry;
}

const show = (received: Received): Received => received;

/** The events of one stream after a seq. */
export const readStream = (
  journal: Journal,
  stream: string,
  after: number,
  listen: Listen,
  options: Options = {},
): EventReader<Received> => readStreams(journal, [stream], String(after), listen, options);

/** The events of several streams after a cursor, read as one. */
export function readStreams(
  journal: Journal,
  streams: readonly string[],
  after: string,
  listen: Listen,
  { signal, telemetry = () => {} }: Options = {},
): EventReader<Received> {
  return new EventReaders<Received>(telemetry).read({
    topic: streams.join(),
    open: () => new StreamSource({ journal, streams, listen, show }),
    start: (source) => source.start(after),
    signal,
  });
}

/** The events of all streams. */
export function readFeed(
  journal: Journal,
  after: string | null,
  listen: Listen,
  { signal, telemetry = () => {} }: Options = {},
): EventReader<Received> {
  return new EventReaders<Received>(telemetry).read({
    topic: 'all',
    open: () => new FeedSource({ journal, listen, show }),
    start: (source) => source.start(after ?? undefined),
    signal,
  });
}
