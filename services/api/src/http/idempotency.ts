import { createHash } from 'node:crypto';
import {
  createParamDecorator,
  Inject,
  Injectable,
  type ExecutionContext,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Database, type Transaction } from '@capstone/platform/database';
import { Problem } from '@capstone/platform/problem';
import type { Principal } from '@capstone/platform/principal';
import type { Logger } from '@capstone/platform/log';
import { LOGGER } from '@capstone/platform/service';
import {
  deleteExpiredResults,
  findResult,
  insertResult,
  lockIdempotencyKey,
} from './idempotency.repository.js';

const cleanUpEveryMs = 10 * 60_000;
const cleanUpBatchSize = 1_000;

/** A POST as far as its repetition goes. `key` is what the client sent in Idempotency-Key, if anything. */
export interface RepeatableRequest {
  readonly route: string;
  readonly key: string | undefined;
}

/** The route and the Idempotency-Key of this request. Throws `malformed-request` when the key is not 1 to 255 visible ASCII. */
export const Repeatable = createParamDecorator(
  (_: unknown, context: ExecutionContext): RepeatableRequest => {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const key = request.headers['idempotency-key'];
    if (key !== undefined && !(typeof key === 'string' && /^[\x21-\x7e]{1,255}$/.test(key))) {
      throw new Problem('malformed-request', {
        detail: 'Idempotency-Key must be 1 to 255 visible ASCII characters.',
      });
    }
    return { route: `${request.method} ${request.routeOptions.url}`, key };
  },
);

@Injectable()
export class Idempotency implements OnApplicationBootstrap, OnApplicationShutdown {
  private cleanUp: NodeJS.Timeout | undefined;

  constructor(
    private readonly db: Database,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Runs `work` in a transaction of the caller's workspace, once for each key. A repetition with equal `input` gets the
   * result of the first time; with another input `idempotency-key-reused`; while the first has not finished
   * `idempotency-key-in-use`. The result is stored in the same transaction, as JSON: return only what JSON can hold,
   * and never a secret. Work that fails leaves no trace, so the client may try again with the same key.
   */
  once<Result>(
    caller: Principal,
    { request, input }: { request: RepeatableRequest; input: unknown },
    work: (tx: Transaction) => Promise<Result>,
  ): Promise<Result> {
    const { route, key } = request;
    if (key === undefined) return this.db.transaction(caller, work);

    const owner = { workspaceId: caller.workspaceId, userId: caller.userId, route, key };
    const fingerprint = createHash('sha256')
      .update(JSON.stringify(input ?? null))
      .digest();
    return this.db.transaction(caller, async (tx) => {
      // In one flight. Two statements all the same: the second must look when the lock is held, not before.
      const [isLocked, earlier] = await Promise.all([
        lockIdempotencyKey(tx, owner),
        findResult(tx, owner),
      ]);
      if (!isLocked) throw new Problem('idempotency-key-in-use');
      if (earlier && !fingerprint.equals(earlier.fingerprint)) {
        throw new Problem('idempotency-key-reused');
      }
      if (earlier) return earlier.result as Result;

      const result = await work(tx);
      insertResult(tx, owner, { fingerprint, result });
      return result;
    });
  }

  onApplicationBootstrap() {
    this.cleanUp = setInterval(() => void this.deleteExpired(), cleanUpEveryMs).unref();
  }

  onApplicationShutdown() {
    clearInterval(this.cleanUp);
  }

  /** Keys live 24 hours. Every instance may run this at any time. */
  async deleteExpired() {
    try {
      while ((await deleteExpiredResults(this.db.unscoped, cleanUpBatchSize)) === cleanUpBatchSize);
    } catch (error) {
      this.logger.error({ err: error }, 'expired idempotency keys could not be deleted');
    }
  }
}
