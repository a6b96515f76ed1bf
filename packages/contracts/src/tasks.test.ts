import { describe, expect, test } from 'vitest';
import { CreateTask, ListTasks, PatchTask } from './tasks.js';

describe('CreateTask', () => {
  test('fills in what is left out', () => {
    expect(CreateTask.parse({ title: ' Write docs ' })).toEqual({
      title: 'Write docs',
      description: '',
      status: 'todo',
      priority: 'normal',
      labels: [],
      assigneeId: null,
      dueAt: null,
    });
  });

  test.each(['id', 'workspaceId', 'createdBy', 'version'])('refuses %s from a client', (field) => {
    expect(CreateTask.safeParse({ title: 'x', [field]: 'y' }).success).toBe(false);
  });
});

describe('PatchTask', () => {
  test('keeps what is absent absent and lets null clear what may be empty', () => {
    expect(PatchTask.parse({ dueAt: null })).toEqual({ dueAt: null });
    expect(PatchTask.safeParse({ title: null }).success).toBe(false);
  });
});

describe('ListTasks', () => {
  test('reads numbers from a query string and bounds them', () => {
    expect(ListTasks.parse({ limit: '5' })).toEqual({ limit: 5, sort: '-createdAt' });
    expect(ListTasks.safeParse({ limit: '101' }).success).toBe(false);
  });
});
