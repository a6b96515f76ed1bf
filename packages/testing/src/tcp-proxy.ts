import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** Stands between a client and a server, so that a test can take the server away from this client alone. */
export interface TcpProxy {
  /** The server's address with the proxy's port. */
  readonly url: string;
  /** How often a client has spoken since the server did: the round trips so far, however many messages each had. */
  readonly roundTrips: number;
  /** Ends every connection and lets no new one through. */
  cut(): void;
  /** Lets connections through again. */
  restore(): void;
  close(): Promise<void>;
}

/** Passes bytes on unread, so TLS to `localhost` stays what it is. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let open = true;
  let roundTrips = 0;

  const server = createServer((near) => {
    if (!open) {
      near.destroy();
      return;
    }
    const far = connect(Number(port), hostname);
    let isAnswered = true;
    near.on('data', () => {
      if (isAnswered) roundTrips += 1;
      isAnswered = false;
    });
    far.on('data', () => void (isAnswered = true));
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const cut = () => {
    open = false;
    for (const socket of sockets) socket.destroy();
  };
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    get roundTrips() {
      return roundTrips;
    },
    cut,
    restore: () => void (open = true),
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
