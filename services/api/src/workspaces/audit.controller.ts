import { Controller, Param, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AuditPage, ListAudit } from '@capstone/contracts/audit';
import { Route } from '../http/route.js';
import { AuditService } from './audit.service.js';

const Id = z.uuid();

@Controller('api/v1/workspaces')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  @Route('GET', ':id/audit', {
    summary: 'What was done and refused in a workspace, newest first; to read it is an event, too',
    access: 'signed-in',
    roleNeeds: 'audit:read',
    answers: { 200: AuditPage },
    problems: ['workspace-not-found', 'invalid-cursor'],
  })
  list(
    @Req() { headers }: FastifyRequest,
    @Param('id', { schema: Id }) id: string,
    @Query({ schema: ListAudit }) query: ListAudit,
  ) {
    return this.audit.list(headers.authorization ?? '', id, query);
  }
}
