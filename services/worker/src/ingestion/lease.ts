import type { Logger } from '@capstone/platform/log';

/** Somebody else decides about the version now: it was cancelled, superseded or deleted, or another process has it. */
export class LeaseLost extends Error {
  constructor() {
    super('The lease of the version is gone.');
    this.name = 'LeaseLost';
  }
}

interface LeaseOptions {
  readonly leaseMs: number;
  /** Resolves to false when the lease is gone. */
  readonly renew: () => Promise<boolean>;
  readonly logger: Logger;
}

/**
 * Keeps a lease renewed, three times in its length, until `end`. `signal` aborts as soon as it is known to be lost, or
 * when Postgres could not be asked for so long that it may be.
 */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #lost = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #goodUntil: number;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#goodUntil = performance.now() + options.leaseMs;
    this.#schedule();
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule() {
    this.#timer = setTimeout(() => void this.#renew(), this.#options.leaseMs / 3);
  }

  async #renew() {
    const asked = performance.now();
    try {
      if (!(await this.#options.renew())) return this.#lost.abort(new LeaseLost());
      this.#goodUntil = asked + this.#options.leaseMs;
    } catch (err) {
      this.#options.logger.warn({ err }, 'the lease could not be renewed');
      if (performance.now() >= this.#goodUntil) return this.#lost.abort(new LeaseLost());
    }
    if (this.#timer) this.#schedule();
  }
}
