import { Inject, Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import type { Logger } from '@capstone/platform/log';
import { LOGGER } from '@capstone/platform/service';
import { AuditCheckpointsService } from '../audit/audit-checkpoints.service.js';
import { DeletionsService } from '../deletions/deletions.service.js';
import { KeyRotationService } from '../keys/key-rotation.service.js';
import { SignInService } from '../mfa/sign-in.service.js';
import { RevocationsService } from '../revocations/revocations.service.js';
import { RotationService } from '../sessions/rotation.service.js';

const everyMs = 5_000;

/** Removes what has served its time, and brings on what has come to its time. Every process does it; doing it twice changes nothing. */
@Injectable()
export class HousekeepingService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private sweeping: Promise<void> = Promise.resolve();

  constructor(
    private readonly rotation: RotationService,
    private readonly revocations: RevocationsService,
    private readonly signIn: SignInService,
    private readonly keyRotation: KeyRotationService,
    private readonly checkpoints: AuditCheckpointsService,
    private readonly deletions: DeletionsService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.sweeping = this.sweeping.then(() => this.sweep());
    }, everyMs);
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.sweeping;
  }

  async sweep(): Promise<void> {
    try {
      await this.rotation.eraseSealedSuccessors();
      await this.revocations.deleteOld();
      await this.signIn.deleteExpiredChallenges();
      await this.keyRotation.advance();
      await this.checkpoints.signDue();
      await this.deletions.queueDue();
    } catch (err) {
      this.logger.warn({ err }, 'housekeeping failed; the next round tries again');
    }
  }
}
