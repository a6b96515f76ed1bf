import { z } from 'zod';
import { TaskPriority, type ListTasks, type PatchTask, type Task } from '@capstone/contracts/tasks';
import { decodeCursor, encodeCursor } from '../http/cursor.js';
import type { TaskContent } from './tasks.repository.js';

/** RFC 7396 on a flat object: what the patch names replaces, the rest stays. */
export function patched(task: Task, patch: PatchTask): TaskContent {
  return { ...contentOf(task), ...definedFields(patch) };
}

/** A patch that says what is so already makes no new version and no event. */
export function isSame(task: Task, content: TaskContent): boolean {
  return JSON.stringify(comparable(contentOf(task))) === JSON.stringify(comparable(content));
}

/** Where a page ends, for the client to hand back. */
export function cursorAfter(task: Task, workspaceId: string, list: ListTasks): string {
  return encodeCursor(listOf(workspaceId, list), [sortKey(task, list.sort), task.id]);
}

/** Throws `invalid-cursor` for a cursor of another list, order, filter or workspace. */
export function placeOf(cursor: string | undefined, workspaceId: string, list: ListTasks) {
  if (cursor === undefined) return undefined;
  const key = list.sort.endsWith('priority') ? z.int().min(1).max(4) : timeKey;
  return decodeCursor(listOf(workspaceId, list), cursor, z.tuple([key, z.uuid()]));
}

/** A task without a due date sorts behind every date, as the index has it. */
const timeKey = z.union([z.iso.datetime(), z.literal('infinity')]);

const sortKeys = {
  createdAt: (task: Task) => task.createdAt,
  dueAt: (task: Task) => task.dueAt ?? 'infinity',
  priority: (task: Task) => priorityRank(task.priority),
};

/** What app.tasks.priority_rank computes. */
export function priorityRank(priority: TaskPriority): number {
  return TaskPriority.options.indexOf(priority) + 1;
}

function sortKey(task: Task, sort: ListTasks['sort']) {
  return sortKeys[sort.replace('-', '') as keyof typeof sortKeys](task);
}

function listOf(workspaceId: string, { limit: _limit, cursor: _cursor, ...list }: ListTasks) {
  return { workspaceId, ...list };
}

function contentOf(task: Task): TaskContent {
  const { title, description, status, priority, labels, assigneeId, dueAt } = task;
  return { title, description, status, priority, labels, assigneeId, dueAt };
}

function comparable(content: TaskContent): TaskContent {
  return { ...content, dueAt: content.dueAt && new Date(content.dueAt).toISOString() };
}

function definedFields(patch: PatchTask): Partial<TaskContent> {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
}
