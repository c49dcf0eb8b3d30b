// Payloads in the user's own types: written by codecs on the way in, read by them on the way out. Only what is the user's own is
// touched; everything else of an input stays as it is.
import type { PayloadCodecs } from '../base/payload-codec.ts';
import type { EventPort } from './event-port.ts';
import type { Dispatch } from './operation.ts';
import type { SpaceEventPort } from './space-event-port.ts';

/** The members of inputs that hold what the user brings along. */
const payloads: ReadonlySet<string> = new Set([
  ...['metadata', 'llmConfig', 'content', 'toolCalls', 'value', 'data', 'input', 'result'],
  ...['values', 'patch', 'writes', 'payload', 'preservedState'],
]);

export function dispatchCoded(codecs: PayloadCodecs, dispatch: Dispatch): Dispatch {
  return async (operation, input, options) =>
    codecs.decode(await dispatch(operation, encodePayloads(codecs, input), options));
}

function encodePayloads(codecs: PayloadCodecs, input: unknown): unknown {
  if (typeof input !== 'object' || input === null) return input;
  const encoded = Object.entries(input).map(([name, value]) => [
    name,
    name === 'tasks' && Array.isArray(value)
      ? value.map((task) => encodePayloads(codecs, task))
      : value !== undefined && payloads.has(name)
        ? codecs.encode(value)
        : value,
  ]);
  return Object.fromEntries(encoded);
}

export function eventsCoded(codecs: PayloadCodecs, port: EventPort): EventPort {
  return {
    stream: (query, closing) => codedStream(codecs, port.stream(query, closing)),
    subscribe: (sessionId, listener) =>
      port.subscribe(sessionId, (event) => listener(codecs.decode(event) as typeof event)),
  };
}

export function spaceEventsCoded(codecs: PayloadCodecs, port: SpaceEventPort): SpaceEventPort {
  return {
    stream: (query, closing) => codedStream(codecs, port.stream(query, closing)),
    subscribe: (query, listener) =>
      port.subscribe(query, (event) => listener(codecs.decode(event) as typeof event)),
  };
}

/** What is told of both kinds of streams. */
interface Readable {
  readonly dropped?: number;
  next(): Promise<IteratorResult<unknown, undefined>>;
  return(): Promise<IteratorResult<unknown, undefined>>;
  [Symbol.asyncDispose](): PromiseLike<void>;
}

function codedStream<Stream extends Readable>(codecs: PayloadCodecs, stream: Stream): Stream {
  const coded = {
    get dropped() {
      return stream.dropped;
    },
    async next() {
      const { done, value } = await stream.next();
      return done ? { done, value } : { done, value: codecs.decode(value) };
    },
    return: () => stream.return(),
    [Symbol.asyncIterator]: () => coded,
    [Symbol.asyncDispose]: () => stream[Symbol.asyncDispose](),
  };
  return coded as unknown as Stream;
}
