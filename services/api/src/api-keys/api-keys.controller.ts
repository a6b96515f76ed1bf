import { Body, Controller, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ApiKeyPage, CreateApiKey, CreatedApiKey, ListApiKeys } from '@capstone/contracts/api-keys';
import type { Principal } from '@capstone/platform/principal';
import { Route } from '../http/route.js';
import { Caller } from '../identity/caller.js';
import { ApiKeysService } from './api-keys.service.js';

const Id = z.uuid();

/** An Idempotency-Key changes nothing here: a key is shown once and never stored, so a repetition makes another one. */
@Controller('api/v1/api-keys')
export class ApiKeysController {
  constructor(private readonly apiKeys: ApiKeysService) {}

  @Route('POST', '', {
    summary: 'Create an API key for this workspace; it is shown this once',
    access: 'api-keys:write',
    freshSignIn: true,
    answers: { 201: CreatedApiKey },
  })
  async create(
    @Req() { headers }: FastifyRequest,
    @Body({ schema: CreateApiKey }) input: CreateApiKey,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    reply.header('cache-control', 'no-store');
    return this.apiKeys.create(headers.authorization ?? '', input);
  }

  @Route('GET', '', {
    summary: 'List my API keys of this workspace, or everybody’s for who may remove members',
    access: 'api-keys:read',
    answers: { 200: ApiKeyPage },
    problems: ['invalid-cursor'],
  })
  list(
    @Req() { headers }: FastifyRequest,
    @Caller() caller: Principal,
    @Query({ schema: ListApiKeys }) query: ListApiKeys,
  ) {
    return this.apiKeys.list(headers.authorization ?? '', caller, query);
  }

  @Route('DELETE', ':id', {
    summary: 'Revoke an API key',
    access: 'api-keys:write',
    answers: { 204: null },
    problems: ['api-key-not-found'],
  })
  remove(@Req() { headers }: FastifyRequest, @Param('id', { schema: Id }) id: string) {
    return this.apiKeys.revoke(headers.authorization ?? '', id);
  }
}
