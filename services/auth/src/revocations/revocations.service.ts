import { Injectable } from '@nestjs/common';
import { membershipId, revocationWindowSeconds } from '@capstone/contracts/revocations';
import type { RevocationKind } from '@capstone/contracts/revocations';
import { Database } from '@capstone/platform/database';
import type { Transaction } from '@capstone/platform/database';
import { RevocationRelay } from './revocation-relay.js';
import {
  deleteOldRevocations,
  insertRevocation,
  listRevocations,
  upsertRolesRevocation,
} from './revocations.repository.js';
import type { Revocation } from './revocations.repository.js';

@Injectable()
export class RevocationsService {
  constructor(
    private readonly db: Database,
    private readonly relay: RevocationRelay,
  ) {}

  /** In the transaction of the change that makes tokens worthless. Call `announce` once it has committed. */
  async record(tx: Transaction, kind: Exclude<RevocationKind, 'roles'>, id: string): Promise<void> {
    await insertRevocation(tx, kind, id);
  }

  /** The same for the access tokens that a member holds: those of an epoch before `epoch`. */
  async recordRoles(
    tx: Transaction,
    member: { workspaceId: string; userId: string; epoch: number },
  ): Promise<void> {
    await upsertRolesRevocation(tx, membershipId(member.workspaceId, member.userId), member.epoch);
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
