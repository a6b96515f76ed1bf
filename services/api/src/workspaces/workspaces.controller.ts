import { Body, Controller, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  CreateWorkspace,
  ListWorkspaces,
  Member,
  MemberPage,
  PatchMember,
  PatchWorkspace,
  Workspace,
  WorkspacePage,
} from '@capstone/contracts/workspaces';
import type { Principal } from '@capstone/platform/principal';
import { IfMatch, sendTagged, type ExpectedTags } from '../http/entity-tag.js';
import { Repeatable, type RepeatableRequest } from '../http/idempotency.js';
import { Route } from '../http/route.js';
import { Caller } from '../identity/caller.js';
import { WorkspacesService, workspaceTag } from './workspaces.service.js';

const Id = z.uuid();

/** A path names any workspace of the caller, so what they may do in it is for auth to say: the token speaks for one. */
@Controller('api/v1/workspaces')
export class WorkspacesController {
  constructor(private readonly workspaces: WorkspacesService) {}

  @Route('POST', '', {
    summary: 'Create a workspace; the caller becomes its owner',
    access: 'signed-in',
    answers: { 201: Workspace },
    tagged: true,
    problems: ['idempotency-key-in-use', 'idempotency-key-reused'],
  })
  async create(
    @Req() { headers }: FastifyRequest,
    @Caller() caller: Principal,
    @Repeatable() request: RepeatableRequest,
    @Body({ schema: CreateWorkspace }) input: CreateWorkspace,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const authorization = headers.authorization ?? '';
    const workspace = await this.workspaces.create(caller, request, { authorization, input });
    reply.header('location', `/api/v1/workspaces/${workspace.id}`);
    return sendTagged(reply, workspaceTag(workspace), workspace);
  }

  @Route('GET', '', {
    summary: 'List my workspaces',
    access: 'signed-in',
    answers: { 200: WorkspacePage },
    problems: ['invalid-cursor'],
  })
  list(
    @Req() { headers }: FastifyRequest,
    @Caller() caller: Principal,
    @Query({ schema: ListWorkspaces }) query: ListWorkspaces,
  ) {
    return this.workspaces.list(headers.authorization ?? '', caller.userId, query);
  }

  @Route('GET', ':id', {
    summary: 'Read a workspace of mine',
    access: 'signed-in',
    roleNeeds: 'workspace:read',
    answers: { 200: Workspace },
    tagged: true,
    problems: ['workspace-not-found'],
  })
  async get(
    @Req() { headers }: FastifyRequest,
    @Param('id', { schema: Id }) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const workspace = await this.workspaces.get(headers.authorization ?? '', id);
    return sendTagged(reply, workspaceTag(workspace), workspace);
  }

  @Route('PATCH', ':id', {
    summary: 'Rename a workspace',
    access: 'signed-in',
    roleNeeds: 'workspace:write',
    answers: { 200: Workspace },
    accepts: ['application/merge-patch+json', 'application/json'],
    tagged: true,
    ifMatch: 'optional',
    problems: ['workspace-not-found'],
  })
  async patch(
    @Req() { headers }: FastifyRequest,
    @Param('id', { schema: Id }) id: string,
    @IfMatch() expected: ExpectedTags | undefined,
    @Body({ schema: PatchWorkspace }) patch: PatchWorkspace,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const authorization = headers.authorization ?? '';
    const workspace = await this.workspaces.patch(authorization, id, { expected, patch });
    return sendTagged(reply, workspaceTag(workspace), workspace);
  }

  @Route('DELETE', ':id', {
    summary: 'Delete a workspace: at once for everybody in it, for good after some days',
    access: 'signed-in',
    roleNeeds: 'workspace:delete',
    freshSignIn: true,
    answers: { 202: Workspace },
    problems: ['workspace-not-found', 'workspace-personal'],
  })
  remove(@Req() { headers }: FastifyRequest, @Param('id', { schema: Id }) id: string) {
    return this.workspaces.remove(headers.authorization ?? '', id);
  }

  @Route('POST', ':id/restore', {
    summary: 'Take the deletion back while there is time',
    access: 'signed-in',
    roleNeeds: 'workspace:delete',
    answers: { 200: Workspace },
    problems: ['workspace-not-found'],
  })
  restore(@Req() { headers }: FastifyRequest, @Param('id', { schema: Id }) id: string) {
    return this.workspaces.restore(headers.authorization ?? '', id);
  }

  @Route('GET', ':id/members', {
    summary: 'List the members of a workspace',
    access: 'signed-in',
    roleNeeds: 'members:read',
    answers: { 200: MemberPage },
    problems: ['workspace-not-found', 'invalid-cursor'],
  })
  listMembers(
    @Req() { headers }: FastifyRequest,
    @Param('id', { schema: Id }) id: string,
    @Query({ schema: ListWorkspaces }) query: ListWorkspaces,
  ) {
    return this.workspaces.listMembers(headers.authorization ?? '', id, query);
  }

  @Route('PATCH', ':id/members/:userId', {
    summary: 'Change the role of a member; tokens that say the old one stop to count',
    access: 'signed-in',
    roleNeeds: 'members:write',
    answers: { 200: Member },
    accepts: ['application/merge-patch+json', 'application/json'],
    problems: ['workspace-not-found', 'member-not-found', 'last-owner'],
  })
  patchMember(
    @Req() { headers }: FastifyRequest,
    @Param('id', { schema: Id }) id: string,
    @Param('userId', { schema: Id }) userId: string,
    @Body({ schema: PatchMember }) { role }: PatchMember,
  ) {
    return this.workspaces.changeRole(headers.authorization ?? '', id, { userId, role });
  }

  @Route('DELETE', ':id/members/:userId', {
    summary: 'Remove a member, or leave',
    access: 'signed-in',
    roleNeeds: 'members:write',
    answers: { 204: null },
    problems: ['workspace-not-found', 'member-not-found', 'last-owner'],
  })
  removeMember(
    @Req() { headers }: FastifyRequest,
    @Param('id', { schema: Id }) id: string,
    @Param('userId', { schema: Id }) userId: string,
  ) {
    return this.workspaces.removeMember(headers.authorization ?? '', id, userId);
  }
}
