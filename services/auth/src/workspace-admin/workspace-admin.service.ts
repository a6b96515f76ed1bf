import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { Workspace } from '@capstone/contracts/workspaces';
import { Database } from '@capstone/platform/database';
import type { Queryable, Transaction } from '@capstone/platform/database';
import { Problem } from '@capstone/platform/problem';
import { CONFIG } from '@capstone/platform/service';
import { AccessService, assertPermitted } from '../access/access.service.js';
import type { Actor } from '../access/access.service.js';
import { ApiKeysService } from '../api-keys/api-keys.service.js';
import { AuditService } from '../audit/audit.service.js';
import type { Config } from '../config.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { StepUpService } from '../step-up/step-up.service.js';
import {
  cancelDeletion,
  findWorkspace,
  insertWorkspace,
  listWorkspaces,
  lockWorkspace,
  renameWorkspace,
  scheduleDeletion,
} from './workspaces.repository.js';
import type { View } from './workspaces.repository.js';

@Injectable()
export class WorkspaceAdminService {
  constructor(
    private readonly db: Database,
    private readonly access: AccessService,
    private readonly sessions: SessionsService,
    private readonly stepUp: StepUpService,
    private readonly apiKeys: ApiKeysService,
    private readonly audit: AuditService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async create(accessToken: string, name: string): Promise<Workspace> {
    const { id: sessionId, userId } = await this.sessions.authenticate(accessToken);
    const view = { userId, workspaceId: uuidv7() };
    return this.db.transaction(view, async (tx) => {
      await insertWorkspace(tx, { ...view, name });
      await this.audit.append(tx, { ...of({ ...view, sessionId }), action: 'workspace.created' });
      return getWorkspace(tx, view);
    });
  }

  async list(accessToken: string, page: { after: string; limit: number }): Promise<Workspace[]> {
    const { userId } = await this.sessions.authenticate(accessToken);
    return listWorkspaces(this.db.read({ userId }), userId, page);
  }

  async get(accessToken: string, workspaceId: string): Promise<Workspace> {
    const { userId } = await this.sessions.authenticate(accessToken);
    const view = { userId, workspaceId };
    const workspace = await getWorkspace(this.db.read(view), view);
    assertPermitted(workspace.role, 'workspace:read');
    return workspace;
  }

  async rename(
    accessToken: string,
    workspaceId: string,
    { name, expectedVersion }: { name: string; expectedVersion: number | undefined },
  ): Promise<Workspace> {
    const actor = await this.access.authorize(accessToken, workspaceId, 'workspace:write');
    return this.db.transaction(actor, async (tx) => {
      const { version } = await this.lockOpen(tx, workspaceId);
      if (expectedVersion !== undefined && expectedVersion !== version) {
        throw new Problem('version-mismatch');
      }
      await renameWorkspace(tx, workspaceId, name);
      await this.audit.append(tx, { ...of(actor), action: 'workspace.renamed' });
      return getWorkspace(tx, actor);
    });
  }

  /**
   * Nobody gets in from now on, and its API keys are gone; what is in it goes when the time to think again is over. Needs a
   * fresh sign-in.
   */
  async remove(accessToken: string, workspaceId: string): Promise<Workspace> {
    const actor = await this.access.authorize(accessToken, workspaceId, 'workspace:delete');
    await this.stepUp.authenticate(accessToken);
    const workspace = await this.db.transaction(actor, async (tx) => {
      const { personal } = await this.lockOpen(tx, workspaceId);
      assertPermitted(await this.access.roleOf(tx, actor), 'workspace:delete');
      if (personal) throw new Problem('workspace-personal');
      await scheduleDeletion(tx, workspaceId, this.config.workspaces.deletionGraceSeconds);
      await this.sessions.endInWorkspace(tx, { workspaceId, reason: 'workspace-deleted' });
      await this.apiKeys.revokeAll(tx, { workspaceId });
      await this.audit.append(tx, { ...of(actor), action: 'workspace.deletion-scheduled' });
      return getWorkspace(tx, actor);
    });
    this.sessions.announceEnded();
    return workspace;
  }

  /** Everything in a workspace is about to be handed out: only to an owner, only after a fresh sign-in, never unseen. */
  async beginExport(accessToken: string, workspaceId: string): Promise<Workspace> {
    const actor = await this.access.authorize(accessToken, workspaceId, 'workspace:export');
    await this.stepUp.authenticate(accessToken);
    return this.db.transaction(actor, async (tx) => {
      const workspace = await getWorkspace(tx, actor);
      await this.audit.append(tx, { ...of(actor), action: 'workspace.exported' });
      return workspace;
    });
  }

  /** Roles and members stay as they are until the transaction ends; the actor must still be let change them. */
  async lockForMembers(tx: Transaction, actor: Actor): Promise<Workspace> {
    await this.lockOpen(tx, actor.workspaceId);
    const workspace = await getWorkspace(tx, actor);
    assertPermitted(workspace.role, 'members:write');
    return workspace;
  }

  /** Throws when the workspace is gone, or about to go. */
  async lockOpen(tx: Transaction, workspaceId: string) {
    const locked = await lockWorkspace(tx, workspaceId);
    if (!locked?.isOpen) throw new Problem('workspace-not-found');
    return locked;
  }

  async restore(accessToken: string, workspaceId: string): Promise<Workspace> {
    const { id: sessionId, userId } = await this.sessions.authenticate(accessToken);
    const view = { userId, workspaceId };
    return this.db.transaction(view, async (tx) => {
      assertPermitted((await getWorkspace(tx, view)).role, 'workspace:delete');
      await lockWorkspace(tx, workspaceId);
      if (await cancelDeletion(tx, workspaceId)) {
        await this.audit.append(tx, {
          ...of({ ...view, sessionId }),
          action: 'workspace.restored',
        });
      }
      const restored = await getWorkspace(tx, view);
      if (restored.deletionDueAt !== null) throw new Problem('workspace-not-found');
      return restored;
    });
  }
}

async function getWorkspace(db: Queryable, view: View): Promise<Workspace> {
  const workspace = await findWorkspace(db, view);
  if (!workspace) throw new Problem('workspace-not-found');
  return workspace;
}

function of({ workspaceId, userId: actorId, sessionId }: View & { sessionId: string }) {
  return { workspaceId, actorId, sessionId };
}
