import { Injectable } from '@nestjs/common';
import type { JobPayload } from '@capstone/contracts/jobs';
import { Database } from '@capstone/platform/database';
import type { JobContext } from '@capstone/platform/job-consumer';
import { AuthClient } from '../connections/auth-client.js';
import { markDeleted, removeSome, steps } from './workspace-purge.repository.js';

/**
 * Removes everything of a workspace whose time to be restored is over. auth decides whether it is, so a forged job does
 * nothing; killed in between, the next run goes on with what is left.
 */
@Injectable()
export class WorkspacePurgeService {
  constructor(
    private readonly db: Database,
    private readonly auth: AuthClient,
  ) {}

  async purge({ workspaceId }: JobPayload<'workspace.purge'>, job: JobContext): Promise<void> {
    const { due } = await this.auth.deletions.getDeletion({ workspaceId });
    if (!due) {
      job.logger.info({ workspaceId }, 'this workspace is not to be purged');
      return;
    }
    await this.db.transaction({ workspaceId }, (tx) => markDeleted(tx, workspaceId));
    const removed: Record<string, number> = {};
    for (const each of steps) {
      removed[each.name] = await this.removeAll(workspaceId, each, job.signal);
    }
    await this.auth.deletions.completeDeletion({ workspaceId });
    job.logger.info({ workspaceId, removed }, 'workspace purged');
  }

  /** A batch a transaction, so that no lock and no undo log grows with the workspace. */
  private async removeAll(workspaceId: string, each: (typeof steps)[number], signal: AbortSignal) {
    let removed = 0;
    for (;;) {
      signal.throwIfAborted();
      const some = await this.db.transaction({ workspaceId }, (tx) =>
        removeSome(tx, workspaceId, each),
      );
      removed += some;
      if (some < each.rows) return removed;
    }
  }
}
