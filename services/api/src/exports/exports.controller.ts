import { Readable } from 'node:stream';
import { Controller, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Export } from '@capstone/contracts/exports';
import { becomeStream } from '@capstone/platform/http-edge';
import type { Principal } from '@capstone/platform/principal';
import { Repeatable, type RepeatableRequest } from '../http/idempotency.js';
import { Route } from '../http/route.js';
import { Caller } from '../identity/caller.js';
import { ExportsService } from './exports.service.js';

const Id = z.uuid();

@Controller('api/v1/workspaces/:id/exports')
export class ExportsController {
  constructor(private readonly exports: ExportsService) {}

  @Route('POST', '', {
    summary: 'Ask for everything in this workspace as NDJSON',
    access: 'workspace:export',
    freshSignIn: true,
    answers: { 202: Export },
    problems: ['workspace-not-found', 'idempotency-key-in-use', 'idempotency-key-reused'],
  })
  async create(
    @Req() { headers }: FastifyRequest,
    @Caller() caller: Principal,
    @Repeatable() request: RepeatableRequest,
    @Param('id', { schema: Id }) workspaceId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const authorization = headers.authorization ?? '';
    const created = await this.exports.create(caller, request, { authorization, workspaceId });
    reply.header('location', `/api/v1/workspaces/${workspaceId}/exports/${created.id}`);
    return created;
  }

  @Route('GET', ':exportId', {
    summary: 'How far an export is',
    access: 'workspace:export',
    answers: { 200: Export },
    problems: ['workspace-not-found', 'export-not-found'],
  })
  get(
    @Caller() caller: Principal,
    @Param('id', { schema: Id }) workspaceId: string,
    @Param('exportId', { schema: Id }) exportId: string,
  ) {
    return this.exports.get(caller, workspaceId, exportId);
  }

  @Route('GET', ':exportId/content', {
    summary: 'Download an export: one JSON object a line, each with its type',
    access: 'workspace:export',
    answers: { 200: null },
    sends: 'application/x-ndjson',
    problems: ['workspace-not-found', 'export-not-found', 'export-not-ready'],
  })
  async download(
    @Req() request: FastifyRequest,
    @Caller() caller: Principal,
    @Param('id', { schema: Id }) workspaceId: string,
    @Param('exportId', { schema: Id }) exportId: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const parts = await this.exports.open(caller, workspaceId, exportId);
    becomeStream(request);
    await reply
      .header('content-type', 'application/x-ndjson')
      .header('content-disposition', `attachment; filename="${workspaceId}.ndjson"`)
      .header('cache-control', 'no-store')
      .send(Readable.from(parts));
  }
}
