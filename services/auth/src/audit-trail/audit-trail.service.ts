import { Inject, Injectable } from '@nestjs/common';
import { AuditAction, AuditOutcome } from '@capstone/contracts/audit';
import type { AuditEvent, AuditFacts } from '@capstone/contracts/audit';
import { Database } from '@capstone/platform/database';
import { CONFIG } from '@capstone/platform/service';
import { AccessService } from '../access/access.service.js';
import { makeChainKey, openChainKey, openFacts } from '../audit/audit-facts.js';
import { listEvents, openChain } from '../audit/audit.repository.js';
import { AuditService } from '../audit/audit.service.js';
import type { Config } from '../config.js';

/** What a service refused at its own door. */
export interface Denial {
  readonly workspaceId: string;
  readonly userId: string;
  readonly apiKeyId?: string | undefined;
  readonly permission: string;
  readonly route: string;
  readonly address: string;
  readonly count: number;
}

@Injectable()
export class AuditTrailService {
  constructor(
    private readonly db: Database,
    private readonly access: AccessService,
    private readonly audit: AuditService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Who begins to read is written down as well. */
  async list(
    accessToken: string,
    workspaceId: string,
    { limit, beforeSeq }: { limit: number; beforeSeq: number | undefined },
  ): Promise<AuditEvent[]> {
    const actor = await this.access.authorize(accessToken, workspaceId, 'audit:read');
    if (beforeSeq === undefined) {
      const { userId: actorId, sessionId } = actor;
      await this.audit.record({ workspaceId, action: 'audit.read', actorId, sessionId });
    }
    const { encryptionKey } = this.config.keys;
    const offered = makeChainKey(encryptionKey, workspaceId);
    const sealedKey = await openChain(this.db.unscoped, workspaceId, offered);
    const key = sealedKey && openChainKey(encryptionKey, workspaceId, sealedKey);
    const page = { limit, beforeSeq: beforeSeq ?? Number.MAX_SAFE_INTEGER };
    const events = await listEvents(this.db.read(actor), page);
    return events.map(({ sealedFacts, action, outcome, hash, ...event }) => ({
      ...event,
      action: AuditAction.parse(action),
      outcome: AuditOutcome.parse(outcome),
      hash: hash.toString('hex'),
      ...(key ? openFacts(key, event.id, sealedFacts) : unknown),
    }));
  }

  async recordDenials(denials: readonly Denial[]): Promise<void> {
    for (const { workspaceId, userId, apiKeyId, permission, route, address, count } of denials) {
      await this.audit.record({
        workspaceId,
        action: 'access.denied',
        outcome: 'deny',
        actorId: userId,
        reason: permission,
        address,
        detail: { route, count, ...(apiKeyId !== undefined && { apiKeyId }) },
      });
    }
  }
}

const unknown: AuditFacts = {
  actorId: null,
  sessionId: null,
  target: null,
  reason: null,
  address: null,
  userAgent: null,
  traceId: null,
  detail: {},
};
