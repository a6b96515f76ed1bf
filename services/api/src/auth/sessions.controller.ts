import { Body, Controller, Param, Req, UseInterceptors } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { TokensAnswer } from '@capstone/contracts/auth';
import { SessionList, SwitchWorkspace } from '@capstone/contracts/sessions';
import { Route } from '../http/route.js';
import { BrowserSession } from './browser-session.js';
import { sourceOf } from './request-source.js';
import { SessionsService } from './sessions.service.js';

const Id = z.uuid();

@UseInterceptors(BrowserSession)
@Controller('api/v1/auth')
export class SessionsController {
  constructor(private readonly sessions: SessionsService) {}

  @Route('GET', 'sessions', {
    summary: 'Where I am signed in',
    access: 'account:read',
    answers: { 200: SessionList },
  })
  list(@Req() request: FastifyRequest) {
    return this.sessions.list(request.headers.authorization ?? '');
  }

  @Route('DELETE', 'sessions', {
    summary: 'Sign out everywhere but here',
    access: 'signed-in',
    answers: { 204: null },
  })
  endOthers(@Req() request: FastifyRequest) {
    return this.sessions.endOthers(request.headers.authorization ?? '');
  }

  @Route('DELETE', 'sessions/:id', {
    summary: 'Sign out one of my sessions',
    access: 'signed-in',
    answers: { 204: null },
    problems: ['session-not-found'],
  })
  end(@Req() request: FastifyRequest, @Param('id', { schema: Id }) id: string) {
    return this.sessions.end(request.headers.authorization ?? '', id);
  }

  /** Not repeatable with an Idempotency-Key: its answer is tokens, which are never stored. */
  @Route('POST', 'switch', {
    summary: 'Exchange this session for one in another workspace of mine',
    access: 'signed-in',
    answers: { 200: TokensAnswer },
    problems: ['workspace-not-found'],
  })
  switchTo(
    @Req() request: FastifyRequest,
    @Body({ schema: SwitchWorkspace }) { workspaceId }: SwitchWorkspace,
  ) {
    const authorization = request.headers.authorization ?? '';
    return this.sessions.switchTo(authorization, sourceOf(request), workspaceId);
  }
}
