// What the harness and its worker say to each other: one JSON value a line, over pipes.
import type { DeliveredEvent, InputOf, MessageInfo, SessionInfo } from 'holdfast';

type OrderedOperation =
  | 'sessions.create'
  | 'sessions.configure'
  | 'sessions.pause'
  | 'sessions.resume'
  | 'sessions.hibernate'
  | 'messages.send'
  | 'memory.set'
  | 'files.add'
  | 'files.index'
  | 'events.publish';

/** A call of the Client under an idempotency key. */
export type Call = {
  readonly [Operation in OrderedOperation]: {
    readonly key: string;
    readonly operation: Operation;
    readonly input: InputOf<Operation>;
  };
}[OrderedOperation];

/** What a call was answered with, as far as it is checked. */
export interface Answer {
  readonly seq?: number;
  readonly sessionId?: string;
  readonly status?: string;
  readonly entry?: number;
  readonly repeated?: boolean;
}

export interface Refused {
  readonly report: 'refused';
  readonly key: string;
  readonly code: string;
  readonly message: string;
}

/** From the worker that serves. An answer is told after the Client has given it, never before. */
export type ServingReport =
  | { readonly report: 'opening' | 'serving' }
  | { readonly report: 'answered'; readonly key: string; readonly answer: Answer }
  | Refused;

/** From the worker that reads. */
export type ReadingReport =
  | { readonly report: 'session'; readonly info: SessionInfo }
  | { readonly report: 'events'; readonly sessionId: string; readonly items: readonly DeliveredEvent[] }
  | { readonly report: 'messages'; readonly sessionId: string; readonly items: readonly MessageInfo[] }
  | { readonly report: 'end' };

/** The descriptor of the pipe for reports. */
export const reportDescriptor = 3;
