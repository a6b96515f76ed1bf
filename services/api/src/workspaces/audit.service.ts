import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { AuditPage, type ListAudit } from '@capstone/contracts/audit';
import { decodeCursor, encodeCursor } from '../http/cursor.js';
import { AuthClient, bearing } from '../identity/auth-client.js';

const Place = z.tuple([z.int().positive()]);

@Injectable()
export class AuditService {
  constructor(private readonly client: AuthClient) {}

  async list(
    authorization: string,
    workspaceId: string,
    { limit, cursor }: ListAudit,
  ): Promise<AuditPage> {
    const list = { of: 'audit', workspaceId };
    const beforeSeq = cursor === undefined ? undefined : decodeCursor(list, cursor, Place)[0];
    const { events } = await this.client.audit.listAuditEvents(
      { workspaceId, limit: limit + 1, beforeSeq },
      bearing(authorization),
    );
    const items = events
      .slice(0, limit)
      .map(({ factsJson, ...event }) => ({ ...event, ...(JSON.parse(factsJson) as object) }));
    const last = events.length > limit ? items.at(-1) : undefined;
    return AuditPage.parse({ items, nextCursor: last ? encodeCursor(list, [last.seq]) : null });
  }
}
