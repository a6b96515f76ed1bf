import { describe, expect, test } from 'vitest';
import { waitFor } from './wait-for.js';

describe('waitFor', () => {
  test('resolves to the first truthy answer', async () => {
    let asked = 0;

    expect(await waitFor(() => (asked += 1) > 2 && asked)).toBe(3);
  });

  test('says what it waited for, and the last error', async () => {
    const wait = waitFor(() => Promise.reject(new Error('not yet')), {
      timeoutMs: 30,
      what: 'the tide',
    });

    await expect(wait).rejects.toMatchObject({
      message: 'Waited 30 ms for the tide in vain',
      cause: { message: 'not yet' },
    });
  });
});
