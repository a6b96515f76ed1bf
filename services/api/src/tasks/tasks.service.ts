import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type {
  CreateTask,
  ListTasks,
  PatchTask,
  ReplaceTask,
  Task,
  TaskPage,
} from '@capstone/contracts/tasks';
import { Database, type Transaction } from '@capstone/platform/database';
import { Outbox } from '@capstone/platform/outbox';
import type { Principal } from '@capstone/platform/principal';
import { Problem } from '@capstone/platform/problem';
import { assertExpected, entityTag, type ExpectedTags } from '../http/entity-tag.js';
import { Idempotency, type RepeatableRequest } from '../http/idempotency.js';
import {
  deleteTask,
  findTask,
  insertTask,
  listTasks,
  lockTask,
  updateTask,
  type TaskContent,
} from './tasks.repository.js';
import { cursorAfter, isSame, patched, placeOf } from './tasks.rules.js';

@Injectable()
export class TasksService {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly idempotency: Idempotency,
  ) {}

  create(caller: Principal, request: RepeatableRequest, input: CreateTask): Promise<Task> {
    const { workspaceId, userId } = caller;
    return this.idempotency.once(caller, { request, input }, async (tx) => {
      const task = { ...input, id: uuidv7(), createdBy: userId };
      const created = await insertTask(tx, workspaceId, task);
      this.outbox.event(tx, workspaceId, 'task.created', changeOf(created));
      return created;
    });
  }

  async get(caller: Principal, id: string): Promise<Task> {
    const task = await findTask(this.db.read(caller), caller.workspaceId, id);
    if (!task) throw new Problem('task-not-found');
    return task;
  }

  async list(caller: Principal, query: ListTasks): Promise<TaskPage> {
    const { workspaceId } = caller;
    const after = placeOf(query.cursor, workspaceId, query);
    const oneMore = { ...query, limit: query.limit + 1, after };
    const found = await listTasks(this.db.read(caller), workspaceId, oneMore);

    const items = found.slice(0, query.limit);
    const last = found.length > query.limit ? items.at(-1) : undefined;
    return { items, nextCursor: last ? cursorAfter(last, workspaceId, query) : null };
  }

  replace(caller: Principal, id: string, expected: ExpectedTags | undefined, input: ReplaceTask) {
    return this.change(caller, { id, expected }, () => input);
  }

  patch(caller: Principal, id: string, expected: ExpectedTags | undefined, patch: PatchTask) {
    return this.change(caller, { id, expected }, (current) => patched(current, patch));
  }

  async remove(caller: Principal, id: string, expected: ExpectedTags | undefined): Promise<void> {
    const { workspaceId } = caller;
    await this.db.transaction(caller, async (tx) => {
      await getForChange(tx, workspaceId, { id, expected });
      deleteTask(tx, workspaceId, id);
      this.outbox.event(tx, workspaceId, 'task.deleted', { taskId: id });
    });
  }

  private change(
    caller: Principal,
    target: { id: string; expected: ExpectedTags | undefined },
    changed: (current: Task) => TaskContent,
  ): Promise<Task> {
    const { workspaceId } = caller;
    return this.db.transaction(caller, async (tx) => {
      const current = await getForChange(tx, workspaceId, target);
      const content = changed(current);
      if (isSame(current, content)) return current;

      const updated = await updateTask(tx, workspaceId, target.id, content);
      this.outbox.event(tx, workspaceId, 'task.updated', changeOf(updated));
      return updated;
    });
  }
}

/** The ETag of a task. */
export function taskTag(task: Task): string {
  return entityTag(task.id, task.version);
}

async function getForChange(
  tx: Transaction,
  workspaceId: string,
  { id, expected }: { id: string; expected: ExpectedTags | undefined },
) {
  const current = await lockTask(tx, workspaceId, id);
  if (!current) throw new Problem('task-not-found');
  assertExpected(taskTag(current), expected);
  return current;
}

function changeOf({ id, version }: Task) {
  return { taskId: id, version };
}
