import { Body, Controller, Param, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  AcceptInvitation,
  CreateInvitation,
  Invitation,
  InvitationPage,
  ListWorkspaces,
  Workspace,
} from '@capstone/contracts/workspaces';
import { Route } from '../http/route.js';
import { InvitationsService } from './invitations.service.js';

const Id = z.uuid();

/**
 * An Idempotency-Key is not needed: an address has one pending invitation, which a repetition replaces, and a token is
 * accepted once.
 */
@Controller('api/v1')
export class InvitationsController {
  constructor(private readonly invitations: InvitationsService) {}

  @Route('POST', 'workspaces/:id/invitations', {
    summary: 'Invite an address: the token goes there by mail, and a pending one is replaced',
    access: 'signed-in',
    roleNeeds: 'members:write',
    answers: { 201: Invitation },
    problems: ['workspace-not-found', 'already-member'],
  })
  create(
    @Req() { headers }: FastifyRequest,
    @Param('id', { schema: Id }) id: string,
    @Body({ schema: CreateInvitation }) input: CreateInvitation,
  ) {
    return this.invitations.create(headers.authorization ?? '', id, input);
  }

  @Route('GET', 'workspaces/:id/invitations', {
    summary: 'List the pending invitations',
    access: 'signed-in',
    roleNeeds: 'members:write',
    answers: { 200: InvitationPage },
    problems: ['workspace-not-found', 'invalid-cursor'],
  })
  list(
    @Req() { headers }: FastifyRequest,
    @Param('id', { schema: Id }) id: string,
    @Query({ schema: ListWorkspaces }) query: ListWorkspaces,
  ) {
    return this.invitations.list(headers.authorization ?? '', id, query);
  }

  @Route('DELETE', 'workspaces/:id/invitations/:invitationId', {
    summary: 'Take an invitation back',
    access: 'signed-in',
    roleNeeds: 'members:write',
    answers: { 204: null },
    problems: ['workspace-not-found', 'invitation-not-found'],
  })
  remove(
    @Req() { headers }: FastifyRequest,
    @Param('id', { schema: Id }) id: string,
    @Param('invitationId', { schema: Id }) invitationId: string,
  ) {
    return this.invitations.remove(headers.authorization ?? '', id, invitationId);
  }

  @Route('POST', 'invitations/accept', {
    summary: 'Become a member; only for the address that was invited',
    access: 'signed-in',
    answers: { 200: Workspace },
    problems: ['invitation-not-found', 'workspace-not-found'],
  })
  accept(
    @Req() { headers }: FastifyRequest,
    @Body({ schema: AcceptInvitation }) { token }: AcceptInvitation,
  ) {
    return this.invitations.accept(headers.authorization ?? '', token);
  }
}
