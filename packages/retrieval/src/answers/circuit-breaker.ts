/** After so many failures in a row nobody is sent for a while; then one call may try, and decides. */
export interface BreakerOptions {
  readonly failures: number;
  readonly pauseMs: number;
  /** Milliseconds that only grow. */
  readonly now?: () => number;
}

export class CircuitBreaker {
  private failed = 0;
  private pausedUntilMs = Number.NEGATIVE_INFINITY;
  private readonly now: () => number;

  constructor(private readonly options: BreakerOptions) {
    this.now = options.now ?? (() => performance.now());
  }

  /** How long nobody may call, in milliseconds; 0 where one may. Whoever calls after a pause holds the others off. */
  enter(): number {
    const waitMs = Math.max(0, this.pausedUntilMs - this.now());
    const isTrial = waitMs === 0 && this.failed >= this.options.failures;
    if (isTrial) this.pausedUntilMs = this.now() + this.options.pauseMs;
    return waitMs;
  }

  succeeded(): void {
    this.failed = 0;
    this.pausedUntilMs = Number.NEGATIVE_INFINITY;
  }

  failure(): void {
    this.failed += 1;
    if (this.failed >= this.options.failures) {
      this.pausedUntilMs = this.now() + this.options.pauseMs;
    }
  }
}
