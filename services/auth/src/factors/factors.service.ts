import { createHash, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { encodeQR } from 'qr';
import { v7 as uuidv7 } from 'uuid';
import type { MfaMethod, TotpEnrolment } from '@capstone/contracts/auth';
import type { Queryable, Transaction } from '@capstone/platform/database';
import type { Logger } from '@capstone/platform/log';
import { Problem } from '@capstone/platform/problem';
import { CONFIG, LOGGER } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { open, seal } from '../seal.js';
import { toBase32 } from './base32.js';
import { hashRecoveryCode, mintRecoveryCodes, toReadable } from './recovery-code.js';
import {
  deleteRecoveryCodes,
  insertRecoveryCodes,
  spendRecoveryCode,
} from './recovery-codes.repository.js';
import { matchingStep, otpauthUri, seedBytes } from './totp.js';
import {
  acceptStep,
  countFailure,
  deleteFactor,
  hasConfirmedFactor,
  insertFactor,
  lockFactor,
} from './totp-factors.repository.js';
import type { TotpFactor } from './totp-factors.repository.js';

const product = 'Capstone';

/** So many wrong codes in a row lock the app's codes, never the recovery codes: those nobody can guess. */
const lockAfter = { most: 10, lockSeconds: 15 * 60 };

/** How a code was judged. The caller commits in every case: what was counted must stay counted. */
export type Verdict =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'locked'; readonly retryAfterSeconds: number };

/** What people hold beside their password: one authenticator app each, and recovery codes for the day it is lost. */
@Injectable()
export class FactorsService {
  private readonly encryptionKey: Buffer;
  private readonly keyId: string;
  private readonly pepper: Buffer;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.encryptionKey = config.keys.encryptionKey;
    this.keyId = createHash('sha256').update(this.encryptionKey).digest('hex').slice(0, 16);
    this.pepper = config.tokens.pepper;
  }

  isEnrolled(db: Queryable, userId: string): Promise<boolean> {
    return hasConfirmedFactor(db, userId);
  }

  /** Throws `totp-enrolled` when there is one that counts. */
  async enrol(tx: Transaction, user: { id: string; email: string }): Promise<TotpEnrolment> {
    const id = uuidv7();
    const seed = randomBytes(seedBytes);
    const sealedSeed = seal(this.encryptionKey, seed, seedContext(user.id, id));
    const factor = { id, userId: user.id, sealedSeed, keyId: this.keyId };
    if (!(await insertFactor(tx, factor))) throw new Problem('totp-enrolled');

    const uri = otpauthUri(product, user.email, seed);
    return { secret: toBase32(seed), otpauthUri: uri, qrSvg: encodeQR(uri, 'svg') };
  }

  /** The first right code makes the factor count. */
  async confirm(tx: Transaction, userId: string, code: string): Promise<Verdict> {
    const factor = await lockFactor(tx, userId);
    if (!factor) throw new Problem('totp-not-enrolled');
    if (factor.isConfirmed) throw new Problem('totp-enrolled');
    return this.judge(tx, factor, code);
  }

  /** The codes in clear, for this once. */
  async renewRecoveryCodes(tx: Transaction, userId: string): Promise<string[]> {
    const codes = mintRecoveryCodes();
    await deleteRecoveryCodes(tx, userId);
    const hashes = codes.map((code) => hashRecoveryCode(this.pepper, userId, code));
    await insertRecoveryCodes(tx, userId, hashes);
    return codes.map(toReadable);
  }

  async verify(
    tx: Transaction,
    userId: string,
    { method, code }: { method: MfaMethod; code: string },
  ): Promise<Verdict> {
    const factor = await lockFactor(tx, userId);
    if (!factor?.isConfirmed) return { kind: 'refused' };
    if (method === 'totp') return this.judge(tx, factor, code);
    const hash = hashRecoveryCode(this.pepper, userId, code);
    return { kind: (await spendRecoveryCode(tx, userId, hash)) ? 'accepted' : 'refused' };
  }

  async remove(tx: Transaction, userId: string): Promise<void> {
    await deleteFactor(tx, userId);
    await deleteRecoveryCodes(tx, userId);
  }

  private async judge(tx: Transaction, factor: TotpFactor, code: string): Promise<Verdict> {
    if (factor.lockedSeconds > 0) {
      return { kind: 'locked', retryAfterSeconds: factor.lockedSeconds };
    }
    const seed = this.openSeed(factor);
    const step = seed && matchingStep(seed, code, { nowMs: Date.now(), lastStep: factor.lastStep });
    if (step === undefined) {
      await countFailure(tx, factor.id, lockAfter);
      return { kind: 'refused' };
    }
    await acceptStep(tx, factor.id, step);
    return { kind: 'accepted' };
  }

  private openSeed({ id, userId, sealedSeed }: TotpFactor): Buffer | undefined {
    try {
      return open(this.encryptionKey, sealedSeed, seedContext(userId, id));
    } catch {
      this.logger.error(
        { userId, factorId: id },
        'A stored seed does not open under its user and factor: was it moved or changed?',
      );
      return undefined;
    }
  }
}

function seedContext(userId: string, factorId: string): Buffer {
  return Buffer.from(`totp seed of ${userId} in ${factorId}`);
}
