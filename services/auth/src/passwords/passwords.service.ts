import { createHmac, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import { hash, verify } from '@node-rs/argon2';
import { onScrape } from '@capstone/platform/metric-registry';
import { stopwatch } from '@capstone/platform/metrics';
import { Problem } from '@capstone/platform/problem';
import type { Logger } from '@capstone/platform/log';
import { CONFIG, LOGGER } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { hashesShed, hashesWaiting, passwordHashDuration } from '../metrics.js';
import { HashingGate } from './hashing-gate.js';
import { hashingPolicy, isOutdated, isPredictable, isWithinBounds } from './passwords.rules.js';
import type { Person } from './passwords.rules.js';

const queuedPerPlace = 4;
const longestWaitMs = 2_000;

@Injectable()
export class PasswordsService implements OnModuleInit, OnModuleDestroy {
  private readonly pepper: Buffer;
  private readonly gate: HashingGate;
  private readonly stopShowing: () => void;
  private decoy = '';

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const concurrency = config.passwords.hashingConcurrency;
    this.pepper = config.passwords.pepper;
    this.gate = new HashingGate({
      concurrency,
      queue: queuedPerPlace * concurrency,
      waitMs: longestWaitMs,
    });
    this.stopShowing = onScrape(() => hashesWaiting.set(this.gate.waitingCount));
  }

  async onModuleInit(): Promise<void> {
    this.decoy = await hash(randomBytes(32).toString('base64'), hashingPolicy);
  }

  onModuleDestroy(): void {
    this.stopShowing();
  }

  /** `pointer` is where the caller sent it. Throws `password-unacceptable`. */
  requireAcceptable(password: string, person: Person, pointer: string): void {
    if (!isPredictable(password, person)) return;
    throw new Problem('password-unacceptable', {
      errors: [{ pointer, detail: 'is one that others would guess' }],
    });
  }

  async hash(password: string): Promise<string> {
    const peppered = this.withPepper(password);
    return this.inGate(() => hash(peppered, hashingPolicy));
  }

  /** True for a stored hash that is not of today's policy: hash the password anew while it is at hand. */
  isOutdated(stored: string): boolean {
    return isOutdated(stored);
  }

  /** Costs the same whether there is a usable hash or not: without one, a decoy is verified and refused. */
  async matches(password: string, stored: string | undefined): Promise<boolean> {
    const usable = stored !== undefined && isWithinBounds(stored);
    if (stored !== undefined && !usable) {
      this.logger.error(
        'A stored password hash is outside the permitted bounds: was it tampered with?',
      );
    }
    const peppered = this.withPepper(password);
    const matches = await this.inGate(() => verify(usable ? stored : this.decoy, peppered));
    return usable && matches;
  }

  private async inGate<T>(work: () => Promise<T>): Promise<T> {
    const seconds = stopwatch();
    try {
      const result = await this.gate.run(work);
      passwordHashDuration.observe(seconds());
      return result;
    } catch (error) {
      if (error instanceof Problem && error.code === 'overloaded') hashesShed.inc();
      throw error;
    }
  }

  /**
   * HMAC rather than concatenation: every byte of the password counts, whatever its length. In base64, because the
   * library's `verify` (2.2) takes bytes only if they are UTF-8.
   */
  private withPepper(password: string): string {
    return createHmac('sha256', this.pepper).update(password, 'utf8').digest('base64');
  }
}
