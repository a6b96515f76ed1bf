import { Body, Controller, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import {
  CreateTask,
  ListTasks,
  PatchTask,
  ReplaceTask,
  Task,
  TaskPage,
} from '@capstone/contracts/tasks';
import type { Principal } from '@capstone/platform/principal';
import { IfMatch, sendTagged, type ExpectedTags } from '../http/entity-tag.js';
import { Repeatable, type RepeatableRequest } from '../http/idempotency.js';
import { Route } from '../http/route.js';
import { Caller } from '../identity/caller.js';
import { TasksService, taskTag } from './tasks.service.js';

const Id = z.uuid();

@Controller('api/v1/tasks')
export class TasksController {
  constructor(private readonly tasks: TasksService) {}

  @Route('POST', '', {
    summary: 'Create a task',
    access: 'tasks:write',
    answers: { 201: Task },
    tagged: true,
    problems: ['idempotency-key-in-use', 'idempotency-key-reused'],
  })
  async create(
    @Caller() caller: Principal,
    @Repeatable() request: RepeatableRequest,
    @Body({ schema: CreateTask }) input: CreateTask,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const task = await this.tasks.create(caller, request, input);
    reply.header('location', `/api/v1/tasks/${task.id}`);
    return sendTagged(reply, taskTag(task), task);
  }

  @Route('GET', '', {
    summary: 'List tasks',
    access: 'tasks:read',
    answers: { 200: TaskPage },
    problems: ['invalid-cursor'],
  })
  list(@Caller() caller: Principal, @Query({ schema: ListTasks }) query: ListTasks) {
    return this.tasks.list(caller, query);
  }

  @Route('GET', ':id', {
    summary: 'Read a task',
    access: 'tasks:read',
    answers: { 200: Task },
    tagged: true,
    problems: ['task-not-found'],
  })
  async get(
    @Caller() caller: Principal,
    @Param('id', { schema: Id }) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const task = await this.tasks.get(caller, id);
    return sendTagged(reply, taskTag(task), task);
  }

  @Route('PUT', ':id', {
    summary: 'Replace a task',
    access: 'tasks:write',
    answers: { 200: Task },
    tagged: true,
    ifMatch: 'required',
    problems: ['task-not-found'],
  })
  async replace(
    @Caller() caller: Principal,
    @Param('id', { schema: Id }) id: string,
    @IfMatch() expected: ExpectedTags | undefined,
    @Body({ schema: ReplaceTask }) input: ReplaceTask,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const task = await this.tasks.replace(caller, id, expected, input);
    return sendTagged(reply, taskTag(task), task);
  }

  @Route('PATCH', ':id', {
    summary: 'Change some fields of a task',
    access: 'tasks:write',
    answers: { 200: Task },
    accepts: ['application/merge-patch+json', 'application/json'],
    tagged: true,
    ifMatch: 'optional',
    problems: ['task-not-found'],
  })
  async patch(
    @Caller() caller: Principal,
    @Param('id', { schema: Id }) id: string,
    @IfMatch() expected: ExpectedTags | undefined,
    @Body({ schema: PatchTask }) patch: PatchTask,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const task = await this.tasks.patch(caller, id, expected, patch);
    return sendTagged(reply, taskTag(task), task);
  }

  @Route('DELETE', ':id', {
    summary: 'Delete a task',
    access: 'tasks:write',
    answers: { 204: null },
    ifMatch: 'optional',
    problems: ['task-not-found'],
  })
  remove(
    @Caller() caller: Principal,
    @Param('id', { schema: Id }) id: string,
    @IfMatch() expected: ExpectedTags | undefined,
  ) {
    return this.tasks.remove(caller, id, expected);
  }
}
