/** What is known of a workspace's stream when somebody comes back to it. */
export interface StreamState {
  /** Undefined when it is empty or has expired. */
  readonly oldestId: string | undefined;
  /** Whether entries have been dropped from its beginning. */
  readonly isTrimmed: boolean;
}

/** Ids of Redis streams: milliseconds of the server's clock and a number. */
const placePattern = /^\d{1,15}-\d{1,10}$/;
const clockToleranceMs = 60_000;

export function isPlace(text: string): boolean {
  return placePattern.test(text);
}

/** A place in an empty stream. A little early, because the clock of the events is the one of Redis. */
export function placeBefore(nowMs: number): string {
  return `${nowMs - clockToleranceMs}-0`;
}

export function isBefore(a: string, b: string): boolean {
  const [aMs = 0, aNumber = 0] = a.split('-').map(Number);
  const [bMs = 0, bNumber = 0] = b.split('-').map(Number);
  return aMs === bMs ? aNumber < bNumber : aMs < bMs;
}

/**
 * Whether events behind `place` may be gone. A stream whose oldest entry lies at or before the place has everything. So
 * has one that was never trimmed, unless the place is from before `expiredBeforeMs`: then it may be the second stream
 * of this name, after the first had expired.
 */
export function mayHaveMissed(
  place: string,
  { oldestId, isTrimmed }: StreamState,
  expiredBeforeMs: number,
): boolean {
  if (oldestId !== undefined && !isBefore(place, oldestId)) return false;
  return isTrimmed || isBefore(place, `${expiredBeforeMs}-0`);
}
