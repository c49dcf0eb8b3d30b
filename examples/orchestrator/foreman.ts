// The foreman gives out the work: a process manager that follows all events and sends operations in answer. It is pure, and
// each of its decisions is stored together with its place in the feed, so that a kill neither loses nor doubles one.
import type { EventData, Json, OutgoingCommand, ProcessManagerDefinition, StoredEvent } from 'holdfast';

export const workers = ['worker-1', 'worker-2', 'worker-3'];

type State = {
  /** The text of each part. */
  readonly parts: { readonly [part: string]: string };
  /** Which run works on which part. */
  readonly runs: { readonly [runId: string]: string };
  readonly results: { readonly [part: string]: number };
  /** How many parts there are, once the planner has said it. */
  readonly expected: number | null;
  /** How often work was given out: the workers take turns. */
  readonly given: number;
};

type Reaction = { readonly state?: State; readonly commands?: readonly OutgoingCommand[] } | undefined;

const initial: State = { parts: {}, runs: {}, results: {}, expected: null, given: 0 };

export const foreman: ProcessManagerDefinition = {
  name: 'foreman',
  initial,
  react: (state, event) => react(state as State, event, event.stream.slice('session/'.length)),
};

function react(state: State, event: StoredEvent, sessionId: string): Reaction {
  switch (event.type) {
    case 'message.sent':
      return plan(event.data as EventData<'message.sent'>, sessionId);
    case 'tool.called': {
      const { toolCallId, parameters } = event.data as EventData<'tool.called'>;
      const { text } = parameters as { text: string };
      return giveOut({ ...state, parts: { ...state.parts, [toolCallId]: text } }, toolCallId);
    }
    case 'agent.started': {
      const { agent, runId, input } = event.data as EventData<'agent.started'>;
      if (agent !== 'worker') return undefined;
      return { state: { ...state, runs: { ...state.runs, [runId]: (input as { part: string }).part } } };
    }
    case 'agent.completed':
      return takeResult(state, event.data as EventData<'agent.completed'>);
    case 'agent.crashed': {
      // A crash is its supervisor's affair. One that hangs would hang again here: it is ended.
      const { runId, error } = event.data as EventData<'agent.crashed'>;
      if (error.code !== 'AGENT_TIMEOUT') return undefined;
      return { commands: [{ operation: 'agents.stop', input: { sessionId, runId, reason: 'it hangs' } }] };
    }
    case 'agent.stopped': {
      const part = state.runs[(event.data as EventData<'agent.stopped'>).runId];
      return part === undefined ? undefined : giveOut(state, part);
    }
    default:
      return undefined;
  }
}

/** What the user asks for is the planner's job. */
function plan({ role, content }: EventData<'message.sent'>, sessionId: string): Reaction {
  if (role !== 'user') return undefined;
  return { commands: [start(sessionId, 'planner', { text: content as Json })] };
}

/** Gives a part to the worker whose turn it is. */
function giveOut(state: State, part: string): Reaction {
  const sessionId = workers[state.given % workers.length] ?? 'worker-1';
  const input = { part, text: state.parts[part] ?? '' };
  return {
    state: { ...state, given: state.given + 1 },
    commands: [start(sessionId, 'worker', input, { role: part, timeoutMs: 1000 })],
  };
}

/** Keeps what came in, tells the planner's session, and asks for the report when nothing is missing. */
function takeResult(state: State, { runId, result }: EventData<'agent.completed'>): Reaction {
  const part = state.runs[runId];
  if (part === undefined) return finish({ ...state, expected: expectedBy(result) ?? state.expected });
  const { words } = result as { words: number };
  const message = { sessionId: 'planner', role: 'tool', toolCallId: part, content: String(words) };
  const { state: next, commands } = finish({ ...state, results: { ...state.results, [part]: words } });
  return { state: next, commands: [{ operation: 'messages.send', input: message }, ...commands] };
}

function finish(state: State): { state: State; commands: OutgoingCommand[] } {
  const isComplete = Object.keys(state.results).length === state.expected;
  return { state, commands: isComplete ? [start('planner', 'reporter')] : [] };
}

const expectedBy = (result: Json): number | undefined => (result as { parts?: number } | null)?.parts;

const start = (sessionId: string, agent: string, input: Json = null, more: object = {}): OutgoingCommand => ({
  operation: 'agents.start',
  input: { sessionId, agent, input, ...more },
});
