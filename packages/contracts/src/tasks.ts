import { z } from 'zod';
import { pageOf, pageQuery } from './paging.js';
import { text } from './text.js';

export const TaskStatus = z.enum(['todo', 'doing', 'done']);
export type TaskStatus = z.infer<typeof TaskStatus>;

export const TaskPriority = z.enum(['low', 'normal', 'high', 'urgent']);
export type TaskPriority = z.infer<typeof TaskPriority>;

const title = text().trim().min(1).max(200);
const description = text().max(10_000);
const labels = z.array(text().trim().min(1).max(50)).max(20);

export const CreateTask = z
  .strictObject({
    title,
    description: description.default(''),
    status: TaskStatus.default('todo'),
    priority: TaskPriority.default('normal'),
    labels: labels.default([]),
    assigneeId: z.uuid().nullable().default(null),
    dueAt: z.iso.datetime({ offset: true }).nullable().default(null),
  })
  .meta({ id: 'CreateTask' });
export type CreateTask = z.infer<typeof CreateTask>;

/** PUT replaces: what is left out goes back to its default. */
export const ReplaceTask = CreateTask.meta({ id: 'ReplaceTask' });
export type ReplaceTask = z.infer<typeof ReplaceTask>;

/** RFC 7396: what is absent stays, null clears what may be empty. */
export const PatchTask = z
  .strictObject({
    title: title.optional(),
    description: description.optional(),
    status: TaskStatus.optional(),
    priority: TaskPriority.optional(),
    labels: labels.optional(),
    assigneeId: z.uuid().nullable().optional(),
    dueAt: z.iso.datetime({ offset: true }).nullable().optional(),
  })
  .meta({ id: 'PatchTask' });
export type PatchTask = z.infer<typeof PatchTask>;

export const Task = z
  .object({
    id: z.uuid(),
    title: z.string(),
    description: z.string(),
    status: TaskStatus,
    priority: TaskPriority,
    labels: z.array(z.string()),
    assigneeId: z.uuid().nullable(),
    dueAt: z.iso.datetime().nullable(),
    version: z.int().meta({ description: 'Grows with each change; the ETag is made of it.' }),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    createdBy: z.uuid(),
  })
  .meta({ id: 'Task' });
export type Task = z.infer<typeof Task>;

export const TaskSort = z.enum([
  'createdAt',
  '-createdAt',
  'dueAt',
  '-dueAt',
  'priority',
  '-priority',
]);
export type TaskSort = z.infer<typeof TaskSort>;

export const ListTasks = z.strictObject({
  ...pageQuery,
  status: TaskStatus.optional(),
  priority: TaskPriority.optional(),
  assigneeId: z.uuid().optional(),
  label: text().min(1).max(50).optional(),
  dueBefore: z.iso.datetime({ offset: true }).optional(),
  q: text()
    .trim()
    .min(1)
    .max(200)
    .optional()
    .meta({ description: 'Part of the title or the description.' }),
  sort: TaskSort.default('-createdAt'),
});
export type ListTasks = z.infer<typeof ListTasks>;

export const TaskPage = pageOf(Task).meta({ id: 'TaskPage' });
export type TaskPage = z.infer<typeof TaskPage>;
