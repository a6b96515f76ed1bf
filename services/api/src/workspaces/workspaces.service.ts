import { Injectable } from '@nestjs/common';
import { Role } from '@capstone/contracts/permissions';
import {
  Member,
  MemberPage,
  Workspace,
  WorkspacePage,
  type CreateWorkspace,
  type ListWorkspaces,
  type PatchMember,
  type PatchWorkspace,
} from '@capstone/contracts/workspaces';
import type { WorkspaceDetails } from '@capstone/contracts/generated/capstone/auth/v1/workspaces_service';
import type { Principal } from '@capstone/platform/principal';
import { assertExpected, entityTag, type ExpectedTags } from '../http/entity-tag.js';
import { Idempotency, type RepeatableRequest } from '../http/idempotency.js';
import { afterCursor, pageById } from '../http/page-by-id.js';
import { AuthClient, bearing } from '../identity/auth-client.js';

/** Workspaces and members, in the words of the public API. auth verifies the token and decides; its Problems go through. */
@Injectable()
export class WorkspacesService {
  constructor(
    private readonly client: AuthClient,
    private readonly idempotency: Idempotency,
  ) {}

  /** The call to auth stands inside the transaction that keeps its answer: a repetition waits for it and gets the same. */
  create(
    caller: Principal,
    request: RepeatableRequest,
    { authorization, input }: { authorization: string; input: CreateWorkspace },
  ): Promise<Workspace> {
    return this.idempotency.once(caller, { request, input }, async () => {
      const { workspace } = await this.client.workspaces.createWorkspace(
        input,
        bearing(authorization),
      );
      return toWorkspace(workspace);
    });
  }

  async list(
    authorization: string,
    userId: string,
    { limit, cursor }: ListWorkspaces,
  ): Promise<WorkspacePage> {
    const list = { of: 'workspaces', userId };
    const { workspaces } = await this.client.workspaces.listWorkspaces(
      { limit: limit + 1, after: afterCursor(list, cursor) },
      bearing(authorization),
    );
    return WorkspacePage.parse(pageById(list, limit, workspaces.map(toWorkspace)));
  }

  async get(authorization: string, workspaceId: string): Promise<Workspace> {
    const { workspace } = await this.client.workspaces.getWorkspace(
      { workspaceId },
      bearing(authorization),
    );
    return toWorkspace(workspace);
  }

  async patch(
    authorization: string,
    workspaceId: string,
    { expected, patch }: { expected: ExpectedTags | undefined; patch: PatchWorkspace },
  ): Promise<Workspace> {
    const current = await this.get(authorization, workspaceId);
    assertExpected(workspaceTag(current), expected);
    const { workspace } = await this.client.workspaces.renameWorkspace(
      {
        workspaceId,
        name: patch.name ?? current.name,
        expectedVersion: expected === undefined ? undefined : current.version,
      },
      bearing(authorization),
    );
    return toWorkspace(workspace);
  }

  async remove(authorization: string, workspaceId: string): Promise<Workspace> {
    const { workspace } = await this.client.workspaces.deleteWorkspace(
      { workspaceId },
      bearing(authorization),
    );
    return toWorkspace(workspace);
  }

  async restore(authorization: string, workspaceId: string): Promise<Workspace> {
    const { workspace } = await this.client.workspaces.restoreWorkspace(
      { workspaceId },
      bearing(authorization),
    );
    return toWorkspace(workspace);
  }

  async listMembers(
    authorization: string,
    workspaceId: string,
    { limit, cursor }: ListWorkspaces,
  ): Promise<MemberPage> {
    const list = { of: 'members', workspaceId };
    const { members } = await this.client.workspaces.listMembers(
      { workspaceId, limit: limit + 1, after: afterCursor(list, cursor) },
      bearing(authorization),
    );
    const items = members.map((member) => ({ ...member, id: member.userId }));
    const page = pageById(list, limit, items);
    return MemberPage.parse({ ...page, items: page.items.map(toMember) });
  }

  async changeRole(
    authorization: string,
    workspaceId: string,
    change: PatchMember & { userId: string },
  ): Promise<Member> {
    const { member } = await this.client.workspaces.changeRole(
      { workspaceId, ...change },
      bearing(authorization),
    );
    return toMember(member);
  }

  async removeMember(authorization: string, workspaceId: string, userId: string): Promise<void> {
    const member = { workspaceId, userId };
    await this.client.workspaces.removeMember(member, bearing(authorization));
  }
}

/** The role belongs to the answer, so it belongs to the tag. */
export function workspaceTag({ id, version, role }: Workspace): string {
  return entityTag(id, version, Role.options.indexOf(role));
}

export function toWorkspace(message: WorkspaceDetails | undefined): Workspace {
  return Workspace.parse({ ...message, deletionDueAt: message?.deletionDueAt ?? null });
}

function toMember(message: { name?: string | undefined } | undefined): Member {
  return Member.parse({ ...message, name: message?.name ?? null });
}
