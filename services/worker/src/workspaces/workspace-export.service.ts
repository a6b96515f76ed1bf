import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { jobs } from '@capstone/contracts/jobs';
import type { JobPayload } from '@capstone/contracts/jobs';
import { Database } from '@capstone/platform/database';
import type { Queryable } from '@capstone/platform/database';
import type { JobContext } from '@capstone/platform/job-consumer';
import {
  claimExport,
  finishExport,
  insertPart,
  listDocumentLines,
  listTaskLines,
  type ExportKey,
  type ExportLine,
} from './workspace-export.repository.js';

type List = (
  db: Queryable,
  workspaceId: string,
  page: { after: string; limit: number },
) => Promise<ExportLine[]>;

/** Documents bring their text along, so there are few of them in a part. */
const sections: readonly { list: List; limit: number }[] = [
  { list: listTaskLines, limit: 500 },
  { list: listDocumentLines, limit: 10 },
];
const lowestId = '00000000-0000-0000-0000-000000000000';

/**
 * Writes a workspace as NDJSON, part after part, in a run of its own: a second worker, or a second attempt, begins anew and
 * the parts of the first are never read. The export is asked for in Postgres, so a forged job writes nothing.
 */
@Injectable()
export class WorkspaceExportService {
  constructor(private readonly db: Database) {}

  async export(key: JobPayload<'workspace.export'>, job: JobContext): Promise<void> {
    const run = uuidv7();
    const claimed = await this.db.transaction(key, (tx) => claimExport(tx, key, run));
    if (!claimed) return;
    try {
      const parts = await this.write(key, run, job.signal);
      await this.db.transaction(key, (tx) => finishExport(tx, key, { run, status: 'ready' }));
      job.logger.info({ exportId: key.exportId, parts }, 'workspace exported');
    } catch (error) {
      if (job.attempt >= jobs['workspace.export'].attempts) {
        await this.db.transaction(key, (tx) => finishExport(tx, key, { run, status: 'failed' }));
      }
      throw error;
    }
  }

  private async write(key: ExportKey, run: string, signal: AbortSignal): Promise<number> {
    const { workspaceId } = key;
    let ordinal = 0;
    for (const { list, limit } of sections) {
      let after = lowestId;
      for (;;) {
        signal.throwIfAborted();
        const lines = await list(this.db.read({ workspaceId }), workspaceId, { after, limit });
        const last = lines.at(-1);
        if (!last) break;
        const content = lines.map(({ line }) => `${line}\n`).join('');
        ordinal += 1;
        const part = { run, ordinal, content };
        await this.db.transaction(key, (tx) => insertPart(tx, key, part));
        after = last.id;
      }
    }
    return ordinal;
  }
}
