import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { Export, ExportLineType } from '@capstone/contracts/exports';
import { Database } from '@capstone/platform/database';
import { Outbox } from '@capstone/platform/outbox';
import type { Principal } from '@capstone/platform/principal';
import { Problem } from '@capstone/platform/problem';
import { Idempotency, type RepeatableRequest } from '../http/idempotency.js';
import { AuthClient, bearing } from '../identity/auth-client.js';
import { findExport, findPart, insertExport } from './exports.repository.js';

const membersAtOnce = 100;

/** The workspace of the token alone: what is exported lies here, and the token says which part of it is the caller's. */
@Injectable()
export class ExportsService {
  constructor(
    private readonly db: Database,
    private readonly client: AuthClient,
    private readonly outbox: Outbox,
    private readonly idempotency: Idempotency,
  ) {}

  async create(
    caller: Principal,
    request: RepeatableRequest,
    { authorization, workspaceId }: { authorization: string; workspaceId: string },
  ): Promise<Export> {
    assertHere(caller, workspaceId);
    return this.idempotency.once(caller, { request, input: { workspaceId } }, async (tx) => {
      const head = await this.head(authorization, workspaceId);
      const id = uuidv7();
      const created = await insertExport(tx, workspaceId, {
        id,
        requestedBy: caller.userId,
        head,
      });
      this.outbox.job(tx, 'workspace.export', { workspaceId, exportId: id });
      return created;
    });
  }

  async get(caller: Principal, workspaceId: string, id: string): Promise<Export> {
    assertHere(caller, workspaceId);
    const found = await findExport(this.db.read(caller), workspaceId, id);
    if (!found) throw new Problem('export-not-found');
    return found;
  }

  /** Part by part, as the client takes them: none of it lies in memory. */
  async open(caller: Principal, workspaceId: string, id: string): Promise<AsyncIterable<string>> {
    const { status } = await this.get(caller, workspaceId, id);
    if (status !== 'ready') throw new Problem('export-not-ready', { detail: `It is ${status}.` });
    return this.parts(caller, id);
  }

  private async *parts(caller: Principal, id: string): AsyncGenerator<string> {
    let after = -1;
    for (;;) {
      const part = await findPart(this.db.read(caller), caller.workspaceId, id, after);
      if (!part) return;
      yield part.content;
      after = part.ordinal;
    }
  }

  /** What auth keeps of it: the workspace and its members. auth also decides, and writes down that it was asked. */
  private async head(authorization: string, workspaceId: string): Promise<string> {
    const who = bearing(authorization);
    const { workspace } = await this.client.workspaces.beginExport({ workspaceId }, who);
    const lines = [lineOf('workspace', { id: workspaceId, name: workspace?.name })];
    for (let after: string | undefined; ;) {
      const page = { workspaceId, limit: membersAtOnce, after };
      const { members } = await this.client.workspaces.listMembers(page, who);
      lines.push(...members.map((member) => lineOf('member', member)));
      after = members.at(-1)?.userId;
      if (members.length < membersAtOnce) return lines.join('');
    }
  }
}

function lineOf(type: ExportLineType, data: object): string {
  return `${JSON.stringify({ type, data })}\n`;
}

function assertHere(caller: Principal, workspaceId: string): void {
  if (caller.workspaceId === workspaceId) return;
  throw new Problem('workspace-not-found', { detail: 'Switch to a workspace to export it.' });
}
