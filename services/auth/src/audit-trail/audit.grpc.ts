import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { Metadata } from '@grpc/grpc-js';
import { z } from 'zod';
import { AuditFacts } from '@capstone/contracts/audit';
import type {
  ListAuditEventsRequest,
  ListAuditEventsResponse,
  RecordDenialsRequest,
  RecordDenialsResponse,
} from '@capstone/contracts/generated/capstone/auth/v1/audit_service';
import { parseRequest } from '../parse-request.js';
import { bearerToken } from '../tokens/bearer-token.js';
import { AuditTrailService } from './audit-trail.service.js';

const List = z.object({
  workspaceId: z.uuid(),
  limit: z.int().min(1).max(101),
  beforeSeq: z.int().positive().optional(),
});

const Denials = z.object({
  denials: z
    .array(
      z.object({
        workspaceId: z.uuid(),
        userId: z.uuid(),
        apiKeyId: z.uuid().optional(),
        permission: z.string().max(100),
        route: z.string().max(300),
        address: z.string().max(100),
        count: z.int().positive(),
      }),
    )
    .max(1_000),
});

@Controller()
export class AuditGrpc {
  constructor(private readonly trail: AuditTrailService) {}

  @GrpcMethod('AuditService', 'ListAuditEvents')
  async list(
    request: ListAuditEventsRequest,
    metadata: Metadata,
  ): Promise<ListAuditEventsResponse> {
    const { workspaceId, limit, beforeSeq } = parseRequest(List, request);
    const page = { limit, beforeSeq };
    const events = await this.trail.list(bearerToken(metadata), workspaceId, page);
    return {
      events: events.map(({ id, seq, occurredAt, action, outcome, hash, ...facts }) => ({
        id,
        seq,
        occurredAt,
        action,
        outcome,
        hash,
        factsJson: JSON.stringify(AuditFacts.parse(facts)),
      })),
    };
  }

  @GrpcMethod('AuditService', 'RecordDenials')
  async recordDenials(request: RecordDenialsRequest): Promise<RecordDenialsResponse> {
    const { denials } = parseRequest(Denials, request);
    await this.trail.recordDenials(denials);
    return {};
  }
}
