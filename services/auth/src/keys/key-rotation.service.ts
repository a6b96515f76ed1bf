import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@capstone/platform/database';
import type { Transaction } from '@capstone/platform/database';
import type { Logger } from '@capstone/platform/log';
import { CONFIG, LOGGER } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { RevocationsService } from '../revocations/revocations.service.js';
import {
  activatePendingKey,
  findDueSteps,
  findKeyInState,
  findKeyState,
  insertKey,
  listKeys,
  lockSigningKeys,
  retireActiveKey,
  taintKey,
} from './keys.repository.js';
import type { ListedKey } from './keys.repository.js';
import { generateSigningKey } from './signing-key.js';

/**
 * How signing keys come and go. A new one is published first and signs only when every verifier has had the time to learn
 * of it; an old one verifies until its last token is over. So nobody meets a key they do not know.
 */
@Injectable()
export class KeyRotationService {
  constructor(
    private readonly db: Database,
    private readonly revocations: RevocationsService,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  list(): Promise<ListedKey[]> {
    return listKeys(this.db.unscoped);
  }

  /** Publishes the next key, or names the one that waits already. It signs after `pendingSeconds`. */
  async rotate(): Promise<{ kid: string; pendingSeconds: number }> {
    const kid = await this.db.transaction({}, async (tx) => {
      await lockSigningKeys(tx);
      return (await findKeyInState(tx, 'pending')) ?? this.create(tx, 'pending');
    });
    return { kid, pendingSeconds: this.config.keys.pendingSeconds };
  }

  /** What time brings: the pending key begins to sign, and an old active one gets a successor. */
  async advance(): Promise<void> {
    const { pendingSeconds, activeSeconds } = this.config.keys;
    const due = await findDueSteps(this.db.unscoped, { pendingSeconds, activeSeconds });
    if (due.mayActivate) await this.activate();
    else if (due.isOld) await this.rotate();
  }

  /**
   * For a key that somebody else may have: no token of it counts any more, here at once and at the verifiers within
   * seconds. Where it was the active one, the pending or a new one signs from now on. False when there is no such key.
   */
  async taint(kid: string): Promise<boolean> {
    const isKnown = await this.db.transaction({}, async (tx) => {
      await lockSigningKeys(tx);
      const state = await findKeyState(tx, kid);
      if (state === undefined || state === 'tainted') return state !== undefined;
      await taintKey(tx, kid);
      await this.revocations.record(tx, 'key', kid);
      if (state === 'active') await this.replaceActive(tx);
      return true;
    });
    this.revocations.announce();
    if (isKnown) this.logger.warn({ kid }, 'signing key tainted: its tokens count no more');
    return isKnown;
  }

  private async activate(): Promise<void> {
    await this.db.transaction({}, async (tx) => {
      await lockSigningKeys(tx);
      const { pendingSeconds, activeSeconds } = this.config.keys;
      const { mayActivate } = await findDueSteps(tx, { pendingSeconds, activeSeconds });
      if (!mayActivate) return;
      await retireActiveKey(tx);
      await activatePendingKey(tx);
    });
    this.logger.info('the next signing key signs from now on');
  }

  private async replaceActive(tx: Transaction): Promise<void> {
    if (await findKeyInState(tx, 'pending')) await activatePendingKey(tx);
    else await this.create(tx, 'active');
  }

  private async create(tx: Transaction, state: 'pending' | 'active'): Promise<string> {
    const key = await generateSigningKey(this.config.keys.encryptionKey);
    await insertKey(tx, key, state);
    return key.kid;
  }
}
