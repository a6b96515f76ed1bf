import { describe, expect, test } from 'vitest';
import { ListTasks, type Task } from '@capstone/contracts/tasks';
import { cursorAfter, isSame, patched, placeOf } from './tasks.rules.js';

const task: Task = {
  id: '0192f000-0000-7000-8000-000000000001',
  title: 'A task',
  description: '',
  status: 'todo',
  priority: 'high',
  labels: ['a'],
  assigneeId: null,
  dueAt: '2027-01-01T00:00:00.000Z',
  version: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
  createdBy: '0192f000-0000-7000-8000-000000000002',
};

describe('patched', () => {
  test('replaces what the patch names, clears with null, keeps the rest', () => {
    expect(patched(task, { dueAt: null, labels: ['b'] })).toEqual({
      title: 'A task',
      description: '',
      status: 'todo',
      priority: 'high',
      labels: ['b'],
      assigneeId: null,
      dueAt: null,
    });
  });

  test('does not take undefined for a value', () => {
    expect(patched(task, { title: undefined })).toMatchObject({ title: 'A task' });
  });
});

describe('isSame', () => {
  test('sees that another spelling of a time is the same time', () => {
    expect(isSame(task, patched(task, { dueAt: '2027-01-01T02:00:00+02:00' }))).toBe(true);
  });

  test.each([{ title: 'b' }, { labels: [] }, { dueAt: null }, { status: 'done' as const }])(
    'sees the change %j',
    (patch) => {
      expect(isSame(task, patched(task, patch))).toBe(false);
    },
  );
});

describe('a cursor', () => {
  test.each([
    ['createdAt', '2026-01-01T00:00:00.000Z'],
    ['-dueAt', '2027-01-01T00:00:00.000Z'],
    ['-priority', 3],
  ])('of a list by %s goes on behind the last key and id', (sort, key) => {
    const list = ListTasks.parse({ sort });
    const cursor = cursorAfter(task, 'w', list);

    expect(placeOf(cursor, 'w', { ...list, limit: 100, cursor })).toEqual([key, task.id]);
  });

  test('puts a task without a due date behind every date', () => {
    const list = ListTasks.parse({ sort: 'dueAt' });

    expect(placeOf(cursorAfter({ ...task, dueAt: null }, 'w', list), 'w', list)).toEqual([
      'infinity',
      task.id,
    ]);
  });
});
