import { Injectable } from '@nestjs/common';
import { Database } from '@capstone/platform/database';
import { Outbox } from '@capstone/platform/outbox';
import { AuditService } from '../audit/audit.service.js';
import {
  deleteDueWorkspace,
  isDeletionDue,
  listDueDeletions,
  takeDueDeletion,
} from './deletions.repository.js';

/** A job that was lost, or gave up, is sent once more after this. */
const againAfterSeconds = 600;
const batch = 20;

/** Ends workspaces whose time to be restored is over: first what other services keep of them, then what is here. */
@Injectable()
export class DeletionsService {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly audit: AuditService,
  ) {}

  /** Any number of processes may do this. */
  async queueDue(): Promise<void> {
    const page = { againAfterSeconds, limit: batch };
    for (const workspaceId of await listDueDeletions(this.db.unscoped, page)) {
      await this.db.transaction({ workspaceId }, async (tx) => {
        if (!(await takeDueDeletion(tx, workspaceId, againAfterSeconds))) return;
        this.outbox.job(tx, 'workspace.purge', { workspaceId });
      });
    }
  }

  isDue(workspaceId: string): Promise<boolean> {
    return isDeletionDue(this.db.read({ workspaceId }), workspaceId);
  }

  /** Again, or not due: nothing happens. */
  async complete(workspaceId: string): Promise<void> {
    await this.db.transaction({ workspaceId }, async (tx) => {
      if (!(await deleteDueWorkspace(tx, workspaceId))) return;
      await this.audit.append(tx, { workspaceId, action: 'workspace.deleted' });
      await this.audit.forget(tx, workspaceId);
    });
  }
}
