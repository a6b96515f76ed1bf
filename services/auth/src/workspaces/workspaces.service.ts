import { Injectable } from '@nestjs/common';
import { Database } from '@capstone/platform/database';
import type { Queryable, Transaction } from '@capstone/platform/database';
import { Problem } from '@capstone/platform/problem';
import type { Membership } from './membership.js';
import {
  findMembership,
  findPreferredMembership,
  insertPersonalWorkspace,
  touchMembership,
} from './workspaces.repository.js';

@Injectable()
export class WorkspacesService {
  constructor(private readonly db: Database) {}

  async createPersonal(
    tx: Transaction,
    owner: { workspaceId: string; userId: string; name: string | undefined },
  ): Promise<void> {
    await insertPersonalWorkspace(tx, {
      id: owner.workspaceId,
      name: owner.name === undefined ? 'Personal' : `${owner.name}’s workspace`,
      userId: owner.userId,
    });
  }

  /** Where a sign-in goes. A workspace that is not the user's is answered like one that does not exist. */
  async choose(userId: string, workspaceId: string | undefined): Promise<Membership> {
    const db = this.db.read({ userId });
    const membership = workspaceId
      ? await findMembership(db, userId, workspaceId)
      : await findPreferredMembership(db, userId);
    if (!membership) throw new Problem('workspace-not-found');
    return membership;
  }

  find(db: Queryable, userId: string, workspaceId: string): Promise<Membership | undefined> {
    return findMembership(db, userId, workspaceId);
  }

  async markUsed(tx: Transaction, userId: string, workspaceId: string): Promise<void> {
    await touchMembership(tx, userId, workspaceId);
  }
}
