/** Resolves when what it checks is fine; throws or stays silent otherwise. Must not change anything. */
export type ReadinessCheck = (signal: AbortSignal) => Promise<void>;

export interface Readiness {
  readonly ready: boolean;
  /** Outcome by name, and nothing more: the reasons are in the log. */
  readonly checks: Readonly<Record<string, 'ok' | 'failing'>>;
}

export interface HealthOptions {
  /** A check that takes longer has failed. */
  readonly timeoutMs?: number;
  /** Probes within this time share one result, so that they cannot load what they check. */
  readonly cacheMs?: number;
  /** Called when a check begins to fail, and when it recovers (without a reason). */
  readonly onChange?: (name: string, outcome: 'ok' | 'failing', reason?: unknown) => void;
}

/** What decides whether this process should get traffic. Not ready until `open`, and never again after `close`. */
export class Health {
  private readonly checks = new Map<string, ReadinessCheck>();
  private readonly outcomes = new Map<string, 'ok' | 'failing'>();
  private readonly timeoutMs: number;
  private readonly cacheMs: number;
  private readonly onChange: HealthOptions['onChange'];
  private state: 'starting' | 'open' | 'closed' = 'starting';
  private cached: { at: number; readiness: Promise<Readiness> } | undefined;

  constructor(options: HealthOptions = {}) {
    this.timeoutMs = options.timeoutMs ?? 1_000;
    this.cacheMs = options.cacheMs ?? 1_000;
    this.onChange = options.onChange;
  }

  /** Makes readiness depend on `check`. Names are public: `database`, not a host. */
  register(name: string, check: ReadinessCheck): void {
    if (this.checks.has(name)) throw new Error(`A readiness check named ${name} exists already`);
    this.checks.set(name, check);
  }

  open(): void {
    if (this.state === 'starting') this.state = 'open';
  }

  close(): void {
    this.state = 'closed';
  }

  async readiness(): Promise<Readiness> {
    if (this.state !== 'open') return { ready: false, checks: {} };
    const now = performance.now();
    if (!this.cached || now - this.cached.at >= this.cacheMs) {
      this.cached = { at: now, readiness: this.check() };
    }
    return this.cached.readiness;
  }

  private async check(): Promise<Readiness> {
    const outcomes = await Promise.all(
      [...this.checks].map(async ([name, check]) => [name, await this.run(name, check)] as const),
    );
    const ready = outcomes.every(([, outcome]) => outcome === 'ok');
    return { ready, checks: Object.fromEntries(outcomes) };
  }

  private async run(name: string, check: ReadinessCheck): Promise<'ok' | 'failing'> {
    const signal = AbortSignal.timeout(this.timeoutMs);
    try {
      await Promise.race([check(signal), rejectOn(signal)]);
      this.remember(name, 'ok');
      return 'ok';
    } catch (error) {
      this.remember(name, 'failing', error);
      return 'failing';
    }
  }

  private remember(name: string, outcome: 'ok' | 'failing', reason?: unknown): void {
    if ((this.outcomes.get(name) ?? 'ok') !== outcome) this.onChange?.(name, outcome, reason);
    this.outcomes.set(name, outcome);
  }
}

function rejectOn(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
