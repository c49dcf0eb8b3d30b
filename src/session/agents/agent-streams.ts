// What agents stream while they work: it goes to whoever listens, and the newest of it is kept in memory for who comes late. Nothing
// of it is journaled, and a new incarnation begins a new stream.
import { byteLength, type Json } from '../../base/json.ts';

interface StreamedChunk {
  /** Counted from 1 in each incarnation. */
  readonly index: number;
  readonly at: number;
  readonly chunk: Json;
}

interface RunStream {
  readonly incarnation: number;
  chunks: (StreamedChunk & { readonly bytes: number })[];
  bytes: number;
  last: number;
}

/** So much is kept of a stream, and of so many runs. */
const keptChunks = 1_000;
const keptBytes = 1024 * 1024;
const keptRuns = 1_000;

export interface StreamPage {
  readonly incarnation: number;
  readonly chunks: readonly StreamedChunk[];
  /** How many came after `after` and are kept no more. */
  readonly missed: number;
  readonly last: number;
}

export class AgentStreams {
  readonly #runs = new Map<string, RunStream>();

  /** Keeps a chunk, and answers with its place. */
  add(sessionId: string, runId: string, incarnation: number, at: number, chunk: Json): number {
    const stream = this.#streamOf(`${sessionId}/${runId}`, incarnation);
    const index = ++stream.last;
    const bytes = byteLength(JSON.stringify(chunk));
    stream.chunks.push({ index, at, chunk, bytes });
    stream.bytes += bytes;
    let drop = 0;
    while (
      stream.chunks.length - drop > keptChunks ||
      (stream.bytes > keptBytes && drop < stream.chunks.length - 1)
    )
      stream.bytes -= stream.chunks[drop++]?.bytes ?? 0;
    if (drop > 0) stream.chunks = stream.chunks.slice(drop);
    return index;
  }

  /** What is there behind a place of this incarnation; of another one from the beginning. Undefined where there is nothing. */
  read(
    sessionId: string,
    runId: string,
    from: { incarnation: number; index: number },
  ): StreamPage | undefined {
    const stream = this.#runs.get(`${sessionId}/${runId}`);
    if (stream === undefined) return undefined;
    const { incarnation, last } = stream;
    const after = from.incarnation === incarnation ? from.index : 0;
    const chunks = stream.chunks
      .filter(({ index }) => index > after)
      .map(({ index, at, chunk }) => ({ index, at, chunk }));
    return { incarnation, chunks, missed: Math.max(0, last - after - chunks.length), last };
  }

  /** Nothing of the runs of a session is kept any more. */
  forget(sessionId: string): void {
    for (const key of this.#runs.keys()) if (key.startsWith(`${sessionId}/`)) this.#runs.delete(key);
  }

  /** The newest is the last: those of which nothing came for longest go first. */
  #streamOf(key: string, incarnation: number): RunStream {
    const known = this.#runs.get(key);
    const stream =
      known?.incarnation === incarnation ? known : { incarnation, chunks: [], bytes: 0, last: 0 };
    this.#runs.delete(key);
    this.#runs.set(key, stream);
    const [oldest] = this.#runs.keys();
    if (this.#runs.size > keptRuns && oldest !== undefined) this.#runs.delete(oldest);
    return stream;
  }
}
