import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { revocationHeartbeatMs } from '@capstone/contracts/revocations';
import { Database } from '@capstone/platform/database';
import type { Logger } from '@capstone/platform/log';
import { LOGGER } from '@capstone/platform/service';
import { RevocationStream } from './revocation-stream.js';
import { listUnpublishedRevocations, markRevocationsPublished } from './revocations.repository.js';

const batch = 500;

/**
 * Moves committed revocations to the stream: at once when woken, and with every heartbeat whatever another process or a
 * lost connection left behind. Any number of relays may run. An entry may be appended twice, which harms nobody; it is
 * marked only after it was appended, so none is lost.
 */
@Injectable()
export class RevocationRelay implements OnApplicationBootstrap, OnApplicationShutdown {
  private state: 'idle' | 'running' | 'stopped' = 'idle';
  private loop: Promise<void> = Promise.resolve();
  private woken = Promise.withResolvers<void>();
  private failing = false;

  constructor(
    private readonly db: Database,
    private readonly stream: RevocationStream,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.state = 'running';
    this.loop = this.run();
  }

  /** After the last call has been answered: the transport is closed before this hook. */
  async onApplicationShutdown(): Promise<void> {
    this.state = 'stopped';
    this.wake();
    await this.loop;
  }

  /** Call after the transaction that recorded a revocation has committed. */
  wake(): void {
    this.woken.resolve();
  }

  /** One more look after the end was asked for: calls that finished during the drain may have revoked something. */
  private async run(): Promise<void> {
    while (this.state === 'running') {
      this.woken = Promise.withResolvers();
      await this.beat();
      await this.pause();
    }
    if (!this.failing) await this.beat();
  }

  /** The heartbeat says how far it is true: all that was committed before the look at the table stands before it. */
  private async beat(): Promise<void> {
    try {
      const asOfMs = Date.now();
      await this.publishPending();
      await this.stream.appendHeartbeat(asOfMs);
      if (this.failing) this.logger.info('the revocation feed is written again');
      this.failing = false;
    } catch (err) {
      if (!this.failing) this.logger.error({ err }, 'the revocation feed cannot be written');
      this.failing = true;
    }
  }

  private async publishPending(): Promise<void> {
    for (;;) {
      const pending = await listUnpublishedRevocations(this.db.unscoped, batch);
      if (pending.length === 0) return;
      await Promise.all(pending.map((revocation) => this.stream.append(revocation)));
      await markRevocationsPublished(this.db.unscoped, pending);
    }
  }

  private async pause(): Promise<void> {
    const nextBeat = Promise.withResolvers<void>();
    const timer = setTimeout(nextBeat.resolve, revocationHeartbeatMs);
    await Promise.race([nextBeat.promise, this.woken.promise]);
    clearTimeout(timer);
  }
}
