import { Injectable } from '@nestjs/common';
import { revocationWindowSeconds } from '@capstone/contracts/revocations';
import type { RevocationKind } from '@capstone/contracts/revocations';
import { Database } from '@capstone/platform/database';
import type { Transaction } from '@capstone/platform/database';
import { RevocationRelay } from './revocation-relay.js';
import {
  deleteOldRevocations,
  insertRevocation,
  listRevocations,
} from './revocations.repository.js';
import type { Revocation } from './revocations.repository.js';

@Injectable()
export class RevocationsService {
  constructor(
    private readonly db: Database,
    private readonly relay: RevocationRelay,
  ) {}

  /** In the transaction of the change that makes tokens worthless. Call `announce` once it has committed. */
  async record(tx: Transaction, kind: RevocationKind, id: string): Promise<void> {
    await insertRevocation(tx, kind, id);
  }

  announce(): void {
    this.relay.wake();
  }

  list(): Promise<Revocation[]> {
    return listRevocations(this.db.unscoped, revocationWindowSeconds);
  }

  async deleteOld(): Promise<void> {
    await deleteOldRevocations(this.db.unscoped, revocationWindowSeconds);
  }
}
