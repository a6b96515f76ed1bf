import { Problem } from '@capstone/platform/problem';

export interface HashingLimits {
  /** How many hashes run at once. */
  readonly concurrency: number;
  /** How many may wait; one more is refused at once. */
  readonly queue: number;
  /** How long one may wait before it is refused. */
  readonly waitMs: number;
}

interface Waiter {
  admit: () => void;
}

/**
 * Lets a bounded number of password hashes run and a bounded number wait, and sheds the rest, so that a flood of
 * sign-ins costs neither the memory nor the threads that every other call needs.
 */
export class HashingGate {
  private running = 0;
  private readonly waiting: Waiter[] = [];

  constructor(private readonly limits: HashingLimits) {}

  /** How many wait for a place now. */
  get waitingCount(): number {
    return this.waiting.length;
  }

  /** A place is held until the native job has ended, whether or not anybody still waits for its answer. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.enter();
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  private enter(): Promise<void> {
    if (this.running < this.limits.concurrency) {
      this.running += 1;
      return Promise.resolve();
    }
    if (this.waiting.length >= this.limits.queue) return Promise.reject(this.overloaded());

    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        admit: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(waiter), 1);
        reject(this.overloaded());
      }, this.limits.waitMs);
      this.waiting.push(waiter);
    });
  }

  /** The place goes to the next in line without becoming free in between. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next) next.admit();
    else this.running -= 1;
  }

  private overloaded(): Problem {
    return new Problem('overloaded', {
      detail: 'Too many sign-ins at once.',
      retryAfterSeconds: Math.ceil(this.limits.waitMs / 1_000),
    });
  }
}
