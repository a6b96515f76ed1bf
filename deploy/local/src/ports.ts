import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the range (32768 and up on Linux) from which the kernel takes the local ports of outgoing connections: a port that
// a server is to listen on a moment later, or at every start, could be taken by one of those meanwhile.
const lowest = 10_000;
const highest = 32_000;

/** A port of the loopback interface that nothing listens on now. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = randomInt(lowest, highest);
    if (await isPortFree(port)) return port;
  }
  throw new Error('the system has no free port');
}

/** Whether a server could listen on the port of the given address now. */
export async function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
