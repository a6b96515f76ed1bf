/**
 * Decides at the door which requests are traced: a share of all, and up to a number a second whatever the share, so that
 * a quiet system is not an invisible one. Time is in milliseconds.
 */
export class DoorSampler {
  #tokens: number;
  #filledAtMs: number;

  constructor(
    private readonly options: { readonly ratio: number; readonly perSecond: number },
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.#tokens = options.perSecond;
    this.#filledAtMs = nowMs();
  }

  decide(): boolean {
    return Math.random() < this.options.ratio || this.takeToken();
  }

  /** One of the traces that every second is good for, if there is one left. */
  takeToken(): boolean {
    const { perSecond } = this.options;
    if (perSecond === 0) return false;
    const now = this.nowMs();
    const earned = ((now - this.#filledAtMs) / 1_000) * perSecond;
    this.#tokens = Math.min(perSecond, this.#tokens + earned);
    this.#filledAtMs = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
