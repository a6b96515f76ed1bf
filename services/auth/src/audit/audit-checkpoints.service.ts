import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@capstone/platform/database';
import type { Logger } from '@capstone/platform/log';
import { CONFIG, LOGGER } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { insertCheckpoint, listUnsignedChains } from './audit.repository.js';
import { checkpointKey, fromLine, signCheckpoint, toLine } from './checkpoint.js';
import type { Checkpoint } from './checkpoint.js';

/**
 * Says, signed, how far each chain has come: in the database, in the log that leaves the machine, and in a file where one is
 * named. Who cuts the tail of a chain would have to cut all of them.
 */
@Injectable()
export class AuditCheckpointsService {
  private dueAtMs = 0;

  constructor(
    private readonly db: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** When it is time. Any number of processes may do this: each place of a chain is signed once. */
  async signDue(): Promise<void> {
    if (Date.now() < this.dueAtMs) return;
    this.dueAtMs = Date.now() + this.config.audit.checkpointSeconds * 1_000;
    const key = checkpointKey(this.config.keys.encryptionKey);
    for (const head of await listUnsignedChains(this.db.unscoped)) {
      const checkpoint = signCheckpoint(key, { ...head, signedAtMs: Date.now() });
      if (await insertCheckpoint(this.db.unscoped, checkpoint)) await this.keep(checkpoint);
    }
  }

  /** Those in `file`, or else in the configured one: none when there is no file. */
  async readKept(file = this.config.audit.checkpointFile): Promise<Checkpoint[]> {
    if (file === undefined) return [];
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    return text.split('\n').filter(Boolean).map(fromLine);
  }

  private async keep(checkpoint: Checkpoint): Promise<void> {
    const line = toLine(checkpoint);
    this.logger.info({ checkpoint: line }, 'audit checkpoint');
    const { checkpointFile } = this.config.audit;
    if (checkpointFile === undefined) return;
    await mkdir(dirname(checkpointFile), { recursive: true });
    await appendFile(checkpointFile, `${line}\n`);
  }
}
