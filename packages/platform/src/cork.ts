import type { Writable } from 'node:stream';

/**
 * Holds back what is written to `stream` until the end of this turn of the event loop, and then sends it as one: under
 * load that is one TLS record and one system call for many small messages, and alone it costs a message nothing.
 */
export function corkThisTurn(stream: Writable): void {
  if (stream.writableCorked > 0) return;
  stream.cork();
  setImmediate(() => stream.uncork());
}
