import { describe, expect, test, vi } from 'vitest';
import { Health } from './health.js';

describe('Health', () => {
  test('is not ready before it is opened and never again after it is closed', async () => {
    const health = new Health();
    expect(await health.readiness()).toEqual({ ready: false, checks: {} });
    health.open();
    expect(await health.readiness()).toEqual({ ready: true, checks: {} });
    health.close();
    health.open();
    expect(await health.readiness()).toEqual({ ready: false, checks: {} });
  });

  test('names the checks that fail and keeps the reason to itself', async () => {
    const onChange = vi.fn();
    const health = new Health({ onChange });
    const reason = new Error('postgres://user:secret@host');
    health.register('database', () => Promise.reject(reason));
    health.register('redis', () => Promise.resolve());
    health.open();

    expect(await health.readiness()).toEqual({
      ready: false,
      checks: { database: 'failing', redis: 'ok' },
    });
    expect(onChange.mock.calls).toEqual([['database', 'failing', reason]]);
  });

  test('a check that does not come back has failed', async () => {
    const health = new Health({ timeoutMs: 5 });
    health.register('stuck', () => new Promise(() => {}));
    health.open();
    expect(await health.readiness()).toMatchObject({ ready: false, checks: { stuck: 'failing' } });
  });

  test('probes close together share one run, and recovery is reported once', async () => {
    const outcomes: string[] = [];
    const health = new Health({ cacheMs: 0, onChange: (_name, outcome) => outcomes.push(outcome) });
    const cached = new Health({ cacheMs: 60_000 });
    let failing = true;
    const check = vi.fn(() => (failing ? Promise.reject(new Error('down')) : Promise.resolve()));
    for (const one of [health, cached]) {
      one.register('database', check);
      one.open();
    }

    await Promise.all([cached.readiness(), cached.readiness()]);
    await cached.readiness();
    expect(check).toHaveBeenCalledTimes(1);

    await health.readiness();
    await health.readiness();
    failing = false;
    await health.readiness();
    await health.readiness();
    expect(outcomes).toEqual(['failing', 'ok']);
  });

  test('refuses a second check of the same name', () => {
    const health = new Health();
    health.register('database', () => Promise.resolve());
    expect(() => health.register('database', () => Promise.resolve())).toThrow(/database/);
  });
});
