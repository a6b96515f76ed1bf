import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { ApiKey, CreateApiKey, CreatedApiKey } from '@capstone/contracts/api-keys';
import { rolePermissions } from '@capstone/contracts/permissions';
import type { ApiKeyScope } from '@capstone/contracts/permissions';
import { isApiKey, mintApiKey } from '@capstone/platform/api-key';
import { Database } from '@capstone/platform/database';
import type { Transaction } from '@capstone/platform/database';
import { hashOpaqueToken } from '@capstone/platform/opaque-token';
import { Problem } from '@capstone/platform/problem';
import { CONFIG } from '@capstone/platform/service';
import { AccessService } from '../access/access.service.js';
import type { Actor } from '../access/access.service.js';
import { AuditService } from '../audit/audit.service.js';
import type { Config } from '../config.js';
import { RevocationsService } from '../revocations/revocations.service.js';
import { StepUpService } from '../step-up/step-up.service.js';
import { WorkspacesService } from '../workspaces/workspaces.service.js';
import type { Membership } from '../workspaces/membership.js';
import {
  findApiKey,
  insertApiKey,
  listApiKeys,
  revokeApiKeys,
  touchApiKey,
} from './api-keys.repository.js';
import type { LiveApiKey } from './api-keys.repository.js';

/** A key and whom it speaks for, as both are now. */
export interface VerifiedApiKey {
  readonly apiKey: LiveApiKey;
  readonly creator: Membership;
  readonly scopes: ApiKeyScope[];
}

@Injectable()
export class ApiKeysService {
  constructor(
    private readonly db: Database,
    private readonly access: AccessService,
    private readonly stepUp: StepUpService,
    private readonly workspaces: WorkspacesService,
    private readonly revocations: RevocationsService,
    private readonly audit: AuditService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async create(accessToken: string, input: CreateApiKey): Promise<CreatedApiKey> {
    await this.stepUp.authenticate(accessToken);
    const actor = await this.access.authorizeHere(accessToken, 'api-keys:write');
    await this.access.noting(actor, input.scopes.join(' '), async () =>
      assertWithinRole(actor, input.scopes),
    );
    const { key, prefix } = mintApiKey();
    const created = await this.db.transaction(actor, async (tx) => {
      const inserted = await insertApiKey(tx, actor.workspaceId, {
        id: uuidv7(),
        name: input.name,
        prefix,
        keyHash: this.hash(key),
        scopes: input.scopes,
        createdBy: actor.userId,
        lifetimeDays: input.expiresInDays,
      });
      await this.audit.append(tx, {
        ...about(actor, inserted.id),
        action: 'api-key.created',
        detail: { scopes: input.scopes.join(' ') },
      });
      return inserted;
    });
    return { ...created, key };
  }

  async list(accessToken: string, page: { after: string; limit: number }): Promise<ApiKey[]> {
    const actor = await this.access.authorizeHere(accessToken, 'api-keys:read');
    const { workspaceId } = actor;
    return listApiKeys(this.db.read(actor), workspaceId, { ...page, createdBy: onlyOwn(actor) });
  }

  /** A key of somebody else is not found, but for who may remove that person. */
  async revoke(accessToken: string, id: string): Promise<void> {
    const actor = await this.access.authorizeHere(accessToken, 'api-keys:write');
    await this.db.transaction(actor, async (tx) => {
      const revoked = await this.revokeWhere(tx, actor.workspaceId, {
        id,
        createdBy: onlyOwn(actor),
      });
      if (revoked.length === 0) throw new Problem('api-key-not-found');
      await this.audit.append(tx, { ...about(actor, id), action: 'api-key.revoked' });
    });
    this.revocations.announce();
  }

  /** Those of a member who goes, or without `userId` all. The caller announces once the transaction has committed. */
  async revokeAll(
    tx: Transaction,
    { workspaceId, userId }: { workspaceId: string; userId?: string },
  ): Promise<void> {
    await this.revokeWhere(tx, workspaceId, { createdBy: userId });
  }

  /** Throws `token-invalid`, whatever is wrong with it. */
  async verify(key: string): Promise<VerifiedApiKey> {
    const apiKey = isApiKey(key) ? await findApiKey(this.db.unscoped, this.hash(key)) : undefined;
    if (!apiKey) throw new Problem('token-invalid');

    const scope = { userId: apiKey.createdBy, workspaceId: apiKey.workspaceId };
    const creator = await this.db.transaction(scope, async (tx) => {
      await touchApiKey(tx, apiKey.workspaceId, apiKey.id);
      return this.workspaces.find(tx, scope.userId, scope.workspaceId);
    });
    if (!creator) throw new Problem('token-invalid');
    const allowed = rolePermissions[creator.role];
    return { apiKey, creator, scopes: apiKey.scopes.filter((each) => allowed.includes(each)) };
  }

  private async revokeWhere(
    tx: Transaction,
    workspaceId: string,
    which: { id?: string; createdBy?: string | undefined },
  ): Promise<string[]> {
    const revoked = await revokeApiKeys(tx, workspaceId, which);
    for (const id of revoked) await this.revocations.record(tx, 'api-key', id);
    return revoked;
  }

  private hash(key: string): Buffer {
    return hashOpaqueToken(this.config.tokens.pepper, key);
  }
}

function assertWithinRole({ role }: Actor, scopes: readonly ApiKeyScope[]): void {
  const beyond = scopes.filter((scope) => !rolePermissions[role].includes(scope));
  if (beyond.length === 0) return;
  throw new Problem('permission-denied', { detail: `Your role has not: ${beyond.join(', ')}.` });
}

function onlyOwn({ role, userId }: Actor): string | undefined {
  return rolePermissions[role].includes('members:write') ? undefined : userId;
}

function about({ workspaceId, userId: actorId, sessionId }: Actor, id: string) {
  return { workspaceId, actorId, sessionId, target: { type: 'api-key', id } };
}
