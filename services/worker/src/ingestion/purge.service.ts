import { Injectable } from '@nestjs/common';
import { Database } from '@capstone/platform/database';
import type { JobContext } from '@capstone/platform/job-consumer';
import { purgeDocument, type DocumentKey } from '@capstone/retrieval/index-writer';
import { deleteAnswers, deleteDocument, lockDeletedDocument } from './purge.repository.js';

/** Removes every row of a deleted document. A document that nobody deleted, or another workspace's, is left alone. */
@Injectable()
export class PurgeService {
  constructor(private readonly db: Database) {}

  async purge(key: DocumentKey, job: JobContext): Promise<void> {
    const rows = await this.db.transaction(key, async (tx) => {
      if (!(await lockDeletedDocument(tx, key))) return undefined;
      const purged = await purgeDocument(tx, key);
      const answers = await deleteAnswers(tx, key);
      await deleteDocument(tx, key);
      return { ...purged, answers };
    });
    if (rows) job.logger.info({ documentId: key.documentId, rows }, 'document purged');
  }
}
