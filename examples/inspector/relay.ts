// Passes what one program sends to all viewers, on this machine only. A viewer that does not read is passed over, never
// waited for.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

export interface Relay {
  readonly url: string;
  /** Frames that were not passed on because a viewer had not read those before. */
  readonly dropped: number;
  /** Resolves when so many are connected, the program included. */
  connected(count: number): Promise<void>;
  close(): Promise<void>;
}

const mostBufferedBytes = 1024 * 1024;

/** Listens on a free port of 127.0.0.1. */
export async function startRelay(): Promise<Relay> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  let dropped = 0;
  server.on('connection', (sender) => {
    sender.on('error', () => sender.terminate());
    sender.on('message', (data) => {
      for (const viewer of server.clients) {
        if (viewer === sender || viewer.readyState !== WebSocket.OPEN) continue;
        if (viewer.bufferedAmount > mostBufferedBytes) dropped += 1;
        else viewer.send(data.toString());
      }
    });
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get dropped() {
      return dropped;
    },
    async connected(count) {
      while (server.clients.size < count) await once(server, 'connection');
    },
    async close() {
      for (const client of server.clients) client.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}
