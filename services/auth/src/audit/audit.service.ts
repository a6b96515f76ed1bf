import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { AuditAction, AuditFacts, AuditOutcome } from '@capstone/contracts/audit';
import { Database } from '@capstone/platform/database';
import type { Transaction } from '@capstone/platform/database';
import { CONFIG } from '@capstone/platform/service';
import { currentTraceId } from '@capstone/platform/tracing';
import type { Config } from '../config.js';
import { makeChainKey, openChainKey, pseudonym, sealFacts } from './audit-facts.js';
import { appendEvent, openChain, shredChain } from './audit.repository.js';

/** What belongs to no workspace, such as a sign-in with an unknown address. */
export const systemChain = '00000000-0000-0000-0000-000000000000';

export interface NewAuditEvent extends Partial<Omit<AuditFacts, 'traceId'>> {
  readonly workspaceId: string | undefined;
  readonly action: AuditAction;
  readonly outcome?: AuditOutcome;
}

/** Writes down who did what. An event commits with the change it tells of, or neither does. */
@Injectable()
export class AuditService {
  constructor(
    private readonly db: Database,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** As the last step of a transaction: it holds the chain of the workspace until the commit. */
  async append(tx: Transaction, event: NewAuditEvent): Promise<void> {
    const { workspaceId, action, outcome = 'allow', ...facts } = event;
    const chainId = workspaceId ?? systemChain;
    const offered = makeChainKey(this.config.keys.encryptionKey, chainId);
    const sealedKey = await openChain(tx, chainId, offered);
    // The workspace is gone, and so is everything that could be said about it.
    if (!sealedKey) return;
    const key = openChainKey(this.config.keys.encryptionKey, chainId, sealedKey);
    const id = uuidv7();
    const { actorId = null } = facts;
    await appendEvent(tx, chainId, {
      id,
      action,
      outcome,
      actor: pseudonym(key, actorId),
      sealedFacts: sealFacts(key, id, { ...nothing, traceId: currentTraceId() ?? null, ...facts }),
    });
  }

  /** Of what changed nothing: a refusal, a look. */
  async record(event: NewAuditEvent): Promise<void> {
    await this.db.transaction({}, (tx) => this.append(tx, event));
  }

  /** After the workspace is gone: its events stay and verify, and name nobody any more. */
  async forget(tx: Transaction, workspaceId: string): Promise<void> {
    await shredChain(tx, workspaceId);
  }
}

const nothing: AuditFacts = {
  actorId: null,
  sessionId: null,
  target: null,
  reason: null,
  address: null,
  userAgent: null,
  traceId: null,
  detail: {},
};
