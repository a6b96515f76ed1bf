import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import type { Task } from '@capstone/contracts/tasks';
import { TestApi } from './api-app.js';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());

describe('POST /api/v1/tasks', () => {
  test('stores the task and returns it with version 1', async () => {
    const ada = await api.signIn();

    const created = await ada.post<Task>('/api/v1/tasks', { title: ' Write docs ' });

    expect(created).toMatchObject({
      status: 201,
      body: { title: 'Write docs', status: 'todo', priority: 'normal', version: 1 },
    });
    expect(created.body.createdBy).toBe(ada.userId);
    expect(created.headers.location).toBe(`/api/v1/tasks/${created.body.id}`);
    const read = await ada.get(created.headers.location!);
    expect(read).toMatchObject({ status: 200, body: created.body });
    expect(read.headers.etag).toBe(created.headers.etag);
  });
});
