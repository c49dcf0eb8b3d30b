// What the Maps, Sets and lists of this process hold, those in private members too: found by the engine's own inspector,
// which collects garbage before it looks.
import { Session } from 'node:inspector';

/** Calls `look` with all objects that have this prototype, and with `marker`; it is compiled anew and sees nothing else. */
function amongAll<Found, Answer>(
  prototype: 'Map' | 'Set' | 'Array',
  look: (objects: readonly Found[], marker: string) => Answer,
  marker: string,
): Answer {
  const session = new Session();
  session.connect();
  try {
    const found = call(session, 'Runtime.evaluate', { expression: `${prototype}.prototype` }).result;
    const { objects } = call(session, 'Runtime.queryObjects', { prototypeObjectId: found.objectId });
    const { result, exceptionDetails } = call(session, 'Runtime.callFunctionOn', {
      functionDeclaration: `function (marker) { return (${look.toString()})(this, marker); }`,
      objectId: objects.objectId,
      arguments: [{ value: marker }],
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return result.value as Answer;
  } finally {
    session.disconnect();
  }
}

interface Found {
  readonly result: { readonly objectId?: string; readonly value?: unknown };
  readonly objects: { readonly objectId: string };
  readonly exceptionDetails?: object;
}

/** An inspector of one's own thread answers at once. */
function call(session: Session, method: string, params: object): Found {
  const answers: Found[] = [];
  session.post(method, params, (error, answer) => {
    if (error !== null) throw new Error(error.message);
    answers.push(answer as Found);
  });
  const [answer] = answers;
  if (answer === undefined) throw new Error(`${method} was not answered`);
  return answer;
}

/** Garbage is gone when this resolves, and what finalizers gave back as well. */
export async function collectGarbage(): Promise<void> {
  const session = new Session();
  session.connect();
  for (let round = 0; round < 4; round++) {
    session.post('HeapProfiler.collectGarbage');
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  session.disconnect();
}

/**
 * The entries of all Maps whose key is a text with the marker in it, or a WeakRef, each as its key and its value's members;
 * and the members of all Sets that are such a text, or name one under `sessionId`.
 */
export function entriesNaming(marker: string): readonly string[] {
  const ofMaps = (maps: readonly Map<unknown, unknown>[], text: string): string[] => {
    const found: string[] = [];
    for (const map of maps) {
      try {
        for (const [key, value] of map) {
          const isNamed = typeof key === 'string' && key.includes(text);
          if (!isNamed && !(key instanceof WeakRef)) continue;
          const isObject = typeof value === 'object' && value !== null;
          found.push(
            `${isNamed ? key : 'a weak reference'}: ${isObject ? Object.keys(value).join() : typeof value}`,
          );
        }
      } catch {
        // the prototype of a class of Maps is none itself
      }
    }
    return found;
  };
  const ofSets = (sets: readonly Set<unknown>[], text: string): string[] => {
    const found: string[] = [];
    for (const set of sets) {
      try {
        for (const member of set) {
          const name =
            typeof member === 'object' && member !== null ? Reflect.get(member, 'sessionId') : member;
          if (typeof name === 'string' && name.includes(text)) found.push(`${name}: a member`);
        }
      } catch {
        // nor is that of a class of Sets
      }
    }
    return found;
  };
  return [...amongAll('Map', ofMaps, marker), ...amongAll('Set', ofSets, marker)];
}

/** How many outcomes of promises, as `Promise.allSettled` has them, stand in lists. */
export function settledOutcomes(): number {
  const look = (lists: readonly (readonly unknown[])[]): number =>
    lists
      .filter((list) => {
        const first = list[0];
        const status = typeof first === 'object' && first !== null && 'status' in first ? first.status : '';
        return status === 'fulfilled' || status === 'rejected';
      })
      .reduce((sum, list) => sum + list.length, 0);
  return amongAll('Array', look, '');
}
