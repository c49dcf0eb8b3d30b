// The official inspector over a WebSocket. What the other side does not take is dropped and counted: the sessions wait for
// no viewer, and nothing is kept for one that has gone.
import { once } from 'node:events';
import { createInspector } from '@statelyai/inspect';
import { WebSocket } from 'ws';

export interface BoundedInspector {
  /** For `createSystem({ inspect })`. */
  readonly inspect: ReturnType<typeof createInspector>['inspect'];
  readonly sent: number;
  readonly dropped: number;
  /** Bytes that wait for the viewer. */
  readonly bufferedBytes: number;
  close(): Promise<void>;
}

/** Connects to `url`. At most about `mostBufferedBytes` wait for the other side. */
export async function connectInspector(
  url: string,
  mostBufferedBytes = 1024 * 1024,
): Promise<BoundedInspector> {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  // Without a listener an error of the socket would end the process.
  socket.on('error', () => socket.terminate());
  let sent = 0;
  let dropped = 0;
  const { inspect } = createInspector({
    send(event) {
      const isWelcome = socket.readyState === WebSocket.OPEN && socket.bufferedAmount < mostBufferedBytes;
      const frame = isWelcome ? textOf(event) : undefined;
      if (frame === undefined) dropped += 1;
      else {
        socket.send(frame);
        sent += 1;
      }
    },
  });
  return {
    inspect,
    get sent() {
      return sent;
    },
    get dropped() {
      return dropped;
    },
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    async close() {
      if (socket.readyState === WebSocket.CLOSED) return;
      socket.close();
      await once(socket, 'close');
    },
  };
}

/** The inspector calls from a timer, where whatever is thrown ends the process. */
function textOf(event: object): string | undefined {
  try {
    return JSON.stringify(event);
  } catch {
    return undefined;
  }
}
