import { randomUUID } from 'node:crypto';
import { certificateFor } from '@capstone/testing/certs';
import { createTestDatabase } from '@capstone/testing/database';
import type { TestDatabase } from '@capstone/testing/database';
import { startTcpProxy } from '@capstone/testing/tcp-proxy';
import { waitFor } from '@capstone/testing/wait-for';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConstraintViolation, isConstraintViolation, QueryError } from '../src/database.js';
import type { Database, Queryable, Transaction } from '../src/database.js';
import { Problem } from '../src/problem.js';
import { createItems, execute, insertItem, listItems, openDatabase } from './items.js';

let server: TestDatabase;
let db: Database;

beforeAll(async () => {
  server = await createTestDatabase('app');
  await createItems(server);
  db = openDatabase(server);
});

afterAll(async () => {
  await db.close();
  await server.drop();
});

async function workspaceWith(count: number) {
  const workspaceId = randomUUID();
  await db.transaction({ workspaceId }, async (tx) => {
    for (let id = 1; id <= count; id += 1) {
      await insertItem(tx, { workspaceId, id, title: `${workspaceId} ${id}` });
    }
  });
  return workspaceId;
}

const context = `select current_setting('app.workspace_id', true) as workspace,
                        current_setting('app.user_id', true) as "user"`;

const fail = (which: Queryable) => which.query('division', 'select 1 / ($1::int - 1)', [1]);
const sleep = (which: Queryable) => which.query('sleep_long', 'select pg_sleep(30)');

describe('a pipelined read', () => {
  test('sees the rows of its workspace only, however many are interleaved', async () => {
    const workspaces = await Promise.all([workspaceWith(3), workspaceWith(5)]);

    const reads = Array.from({ length: 600 }, async (_, index) => {
      const workspaceId = workspaces[index % 2]!;
      const items = await listItems(db.read({ workspaceId }));
      return { workspaceId, seen: new Set(items.map((item) => item.workspaceId)), items };
    });

    for (const { workspaceId, seen, items } of await Promise.all(reads)) {
      expect(seen).toEqual(new Set([workspaceId]));
      expect(items).toHaveLength(workspaceId === workspaces[0] ? 3 : 5);
    }
  });

  test('sees no row without a workspace, also right after one with', async () => {
    const workspaceId = await workspaceWith(1);

    const [before, without, after] = await Promise.all([
      listItems(db.read({ workspaceId })),
      listItems(db.read({})),
      listItems(db.read({ workspaceId })),
    ]);

    expect([before.length, without.length, after.length]).toEqual([1, 0, 1]);
    expect(await listItems(db.unscoped)).toEqual([]);
  });

  test('carries workspace and user, and leaves neither behind', async () => {
    const scope = { workspaceId: randomUUID(), userId: randomUUID() };

    const within = await db.read(scope).query('context', context);
    const left = await Promise.all(
      Array.from({ length: 8 }, () => db.unscoped.query('context', context)),
    );

    expect(within).toEqual([{ workspace: scope.workspaceId, user: scope.userId }]);
    for (const [row] of left as Record<string, string | null>[][]) {
      expect(row?.['workspace'] || null).toBeNull();
      expect(row?.['user'] || null).toBeNull();
    }
  });

  test('that fails takes nothing with it: neighbours answer and no setting stays', async () => {
    const workspaceId = await workspaceWith(2);

    const outcomes = await Promise.allSettled(
      Array.from({ length: 90 }, (_, index) =>
        index % 3 === 1 ? fail(db.read({ workspaceId })) : listItems(db.read({ workspaceId })),
      ),
    );

    outcomes.forEach((outcome, index) => {
      expect(outcome.status).toBe(index % 3 === 1 ? 'rejected' : 'fulfilled');
    });
    expect(await listItems(db.unscoped)).toEqual([]);
  });

  test('cannot write', async () => {
    const workspaceId = randomUUID();
    const write = insertItem(db.read({ workspaceId }), { workspaceId, id: 1, title: 'x' });

    await expect(write).rejects.toMatchObject({ name: 'QueryError', sqlState: '25006' });
  });

  test('refuses an id that is not a UUID before anything is sent', () => {
    const forged = `x'; set local role capstone_migrator; --`;

    expect(() => db.read({ workspaceId: forged })).toThrow('workspace_id is not a UUID');
    expect(() => db.read({ userId: `${randomUUID()}'` })).toThrow('user_id is not a UUID');
  });

  test('passes a slow neighbour on another connection', async () => {
    const order: string[] = [];
    const slow = db
      .read({})
      .query('sleep', 'select pg_sleep(0.4)')
      .then(() => order.push('slow'));
    const quick = db
      .read({})
      .query('one', 'select 1')
      .then(() => order.push('quick'));

    await Promise.all([slow, quick]);

    expect(order).toEqual(['quick', 'slow']);
  });
});

describe('what comes back', () => {
  test('is in the shape of the API: counts are numbers, times are ISO strings in UTC', async () => {
    const [row] = await db.unscoped.query(
      'types',
      `select 7::bigint as count,
              timestamptz '2026-11-21 03:00:00.1239+01' as at,
              timestamptz '2026-11-21 02:00:00Z' as "wholeSecond",
              timestamptz 'infinity' as never,
              date '2026-11-21' as day,
              array[1, 2]::bigint[] as counts,
              array[timestamptz '2026-11-21 02:00:00Z'] as times,
              null::timestamptz as missing`,
    );

    expect(row).toEqual({
      count: 7,
      at: '2026-11-21T02:00:00.123Z',
      wholeSecond: '2026-11-21T02:00:00.000Z',
      never: 'infinity',
      day: '2026-11-21',
      counts: [1, 2],
      times: ['2026-11-21T02:00:00.000Z'],
      missing: null,
    });
  });

  test('is never a bigint that lost digits', async () => {
    const query = db.unscoped.query('too_big', 'select 9007199254740993 as big');

    await expect(query).rejects.toThrow('A bigint does not fit a number');
  });
});

describe('a transaction', () => {
  test('commits as a whole, or not at all', async () => {
    const workspaceId = randomUUID();

    const failed = db.transaction({ workspaceId }, async (tx) => {
      await insertItem(tx, { workspaceId, id: 1, title: 'first' });
      throw new Problem('task-not-found');
    });

    await expect(failed).rejects.toMatchObject({ code: 'task-not-found' });
    expect(await listItems(db.read({ workspaceId }))).toEqual([]);
  });

  test('on a connection that another workspace used sees nothing of that one', async () => {
    const small = openDatabase(server, { poolSize: 1 });
    const [mine, theirs] = [await workspaceWith(1), await workspaceWith(1)];

    await small.transaction({ workspaceId: theirs }, listItems);
    const seen = await small.transaction({ workspaceId: mine }, listItems);
    const unset = await small.transaction({}, listItems);
    await small.close();

    expect(seen.map((item) => item.workspaceId)).toEqual([mine]);
    expect(unset).toEqual([]);
  });

  test('cannot write into another workspace', async () => {
    const [mine, theirs] = [randomUUID(), randomUUID()];

    const write = db.transaction({ workspaceId: mine }, (tx) =>
      insertItem(tx, { workspaceId: theirs, id: 1, title: 'x' }),
    );

    await expect(write).rejects.toMatchObject({ sqlState: '42501' });
  });

  test('names the constraint that refused a write, and none of the values', async () => {
    const workspaceId = await workspaceWith(1);
    const insert = (title: string) =>
      db
        .transaction({ workspaceId }, (tx) => insertItem(tx, { workspaceId, id: 1, title }))
        .catch((error: unknown) => error);

    const taken = await insert('secret');
    const empty = await insert('');

    expect(taken).toBeInstanceOf(ConstraintViolation);
    expect(isConstraintViolation(taken, 'items_pkey')).toBe(true);
    expect(isConstraintViolation(taken, 'items_title_check')).toBe(false);
    expect(isConstraintViolation(empty, 'items_title_check')).toBe(true);
    expect(JSON.stringify(taken) + String(taken)).not.toContain(workspaceId);
  });

  test('is not committed when the error of one of its statements was swallowed', async () => {
    const workspaceId = await workspaceWith(1);

    const swallowed = db.transaction({ workspaceId }, async (tx) => {
      await insertItem(tx, { workspaceId, id: 1, title: 'again' }).catch(() => undefined);
    });

    await expect(swallowed).rejects.toThrow('its error was not passed on');
  });

  test('may send several statements at once', async () => {
    const workspaceId = randomUUID();

    await db.transaction({ workspaceId }, async (tx) => {
      const inserts = [1, 2, 3].map((id) => insertItem(tx, { workspaceId, id, title: `${id}` }));
      await Promise.all(inserts);
    });

    expect(await listItems(db.read({ workspaceId }))).toHaveLength(3);
  });

  test('takes a round trip for each answer that is waited for, and one to commit', async () => {
    const proxy = await startTcpProxy(server.urlFor('api'));
    const near = openDatabase(server, { url: proxy.url, poolSize: 1 });
    const workspaceId = randomUUID();
    const write = (id: number) =>
      near.transaction({ workspaceId }, async (tx) => {
        await listItems(tx);
        tx.send('item_send', 'insert into t.items values ($1, $2, $3)', [workspaceId, id, 'sent']);
      });
    await write(1);

    const before = proxy.roundTrips;
    await write(2);
    const spent = proxy.roundTrips - before;
    await near.close();
    await proxy.close();

    expect(spent).toBe(2);
    expect(await listItems(db.read({ workspaceId }))).toHaveLength(2);
  });

  test('fails with the reason of what was sent, whoever meets it first', async () => {
    const workspaceId = await workspaceWith(1);
    const sendTaken = (tx: Transaction) =>
      tx.send('item_taken', 'insert into t.items values ($1, 1, $2)', [workspaceId, 'again']);

    const [atCommit, atNextQuery] = await Promise.allSettled([
      db.transaction({ workspaceId }, async (tx) => sendTaken(tx)),
      db.transaction({ workspaceId }, async (tx) => {
        sendTaken(tx);
        await listItems(tx);
      }),
    ]);

    expect(atCommit).toMatchObject({ reason: { constraint: 'items_pkey' } });
    expect(atNextQuery).toMatchObject({ reason: { constraint: 'items_pkey' } });
  });

  test('is the only way to write: its connection refuses what comes outside of begin and commit', async () => {
    const outside = db.transaction({}, async (tx) => {
      await tx.query('commit_early', 'commit');
      await tx.query('counter_outside', `insert into t.counters values ('outside', 1)`);
    });

    await expect(outside).rejects.toMatchObject({ sqlState: '25006' });
  });

  test('runs again after a serialization failure', async () => {
    await db.unscoped.query('counter_make', `insert into t.counters values ('retry', 0)`);
    let runs = 0;
    const bothHaveRead = Promise.withResolvers<void>();
    const increment = () =>
      db.transaction({}, async (tx) => {
        await tx.query('isolation', 'set transaction isolation level repeatable read');
        const [row] = await tx.query<{ value: number }>(
          'counter_read',
          `select value from t.counters where name = 'retry'`,
        );
        runs += 1;
        if (runs === 2) bothHaveRead.resolve();
        await bothHaveRead.promise;
        await tx.query('counter_write', `update t.counters set value = $1 where name = 'retry'`, [
          row!.value + 1,
        ]);
      });

    await Promise.all([increment(), increment()]);

    const [counter] = await db.unscoped.query('counter', `select value from t.counters`);
    expect(counter).toEqual({ value: 2 });
    expect(runs).toBe(3);
  });

  test('that loses every time ends in a problem that may be retried', async () => {
    let runs = 0;
    const losing = db.transaction({}, async (tx) => {
      runs += 1;
      await tx.query('lose', `do $$ begin raise serialization_failure; end $$`);
    });

    await expect(losing).rejects.toMatchObject({ code: 'conflict', retryable: true });
    expect(runs).toBe(4);
  });

  test('does not nest', async () => {
    const nested = db.transaction({}, () => db.transaction({}, async () => undefined));

    await expect(nested).rejects.toThrow('sent past the transaction that is open here');
  });

  test('trips whoever sends a query past its handle, also deep inside', async () => {
    const deep = async () => {
      await Promise.resolve();
      return listItems(db.read({}));
    };

    await expect(db.transaction({}, () => deep())).rejects.toThrow('use its handle');
    await expect(db.transaction({}, () => db.unscoped.query('one', 'select 1'))).rejects.toThrow(
      'use its handle',
    );
    expect(await deep()).toEqual([]);
  });

  test('lets others read while it is open', async () => {
    const workspaceId = await workspaceWith(1);
    const opened = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const open = db.transaction({}, async () => {
      opened.resolve();
      await finish.promise;
    });

    await opened.promise;
    const seen = await listItems(db.read({ workspaceId }));
    finish.resolve();
    await open;

    expect(seen).toHaveLength(1);
  });

  test('ends with its work: its handle then refuses', async () => {
    const handle = await db.transaction({}, (tx) => Promise.resolve({ tx }));

    await expect(listItems(handle.tx)).rejects.toThrow('came after its transaction had ended');
  });
});

describe('limits and losses', () => {
  test('a statement that takes too long is cancelled, and only that one', async () => {
    const outcomes = await Promise.allSettled([
      sleep(db.read({})),
      db.transaction({}, sleep),
      listItems(db.read({})),
    ]);

    expect(outcomes).toMatchObject([
      { reason: { code: 'deadline-exceeded' } },
      { reason: { code: 'deadline-exceeded' } },
      { value: [] },
    ]);
  });

  test('a lock that is not given in time is reported as overload', async () => {
    const workspaceId = await workspaceWith(1);
    const other = openDatabase(server);
    const touch = (database: Database, then: () => Promise<unknown>) =>
      database.transaction({ workspaceId }, async (tx) => {
        await tx.query('items_touch', `update t.items set title = 'touched'`);
        await then();
      });

    await touch(db, async () => {
      const second = touch(other, async () => undefined);
      await expect(second).rejects.toMatchObject({ code: 'overloaded' });
    });

    await other.close();
  });

  test('a pool with no free connection is reported as overload', async () => {
    const small = openDatabase(server, { poolSize: 1 });
    const opened = Promise.withResolvers<void>();
    const finish = new AbortController();
    const holder = small.transaction({}, async (tx) => {
      opened.resolve();
      while (!finish.signal.aborted) await tx.query('sleep_short', 'select pg_sleep(0.1)');
    });
    await opened.promise;

    const second = small.transaction({}, async () => undefined);
    await expect(second).rejects.toMatchObject({ code: 'overloaded' });

    finish.abort();
    await holder;
    await small.close();
  });

  test('connections that were terminated are opened again', async () => {
    await Promise.all([listItems(db.read({})), listItems(db.read({}))]);
    await db.transaction({}, listItems);

    await terminate('platform-test');

    await waitFor(() => db.ping().then(() => true), { what: 'a new pipelined connection' });
    await waitFor(() => db.transaction({}, listItems), { what: 'a new pooled connection' });
  });

  test('a transaction whose connection is lost fails with a problem, not with the process', async () => {
    const lost = db.transaction({}, async (tx) => {
      const [row] = await tx.query<{ pid: number }>('pid', 'select pg_backend_pid() as pid');
      await execute(server, 'admin', `select pg_terminate_backend(${row!.pid})`);
      await waitFor(async () => {
        const found = await execute(
          server,
          'admin',
          `select 1 from pg_stat_activity where pid = ${row!.pid}`,
        );
        return found.length === 0;
      });
      await listItems(tx);
    });

    await expect(lost).rejects.toMatchObject({ code: 'dependency-unavailable' });
    expect(await db.transaction({}, listItems)).toEqual([]);
  });

  test('a read in flight on a lost connection fails with a problem', async () => {
    const read = db.read({}).query('sleep_name', `select pg_sleep(0.9)`);
    await waitFor(() =>
      execute(server, 'admin', `select 1 from pg_stat_activity where query like '%0.9%'`),
    );

    const outcome = read.catch((error: unknown) => error);
    await terminate('platform-test');

    expect(await outcome).toMatchObject({ code: 'dependency-unavailable' });
  });

  test('a server that is not there costs a problem within a moment', async () => {
    const nowhere = openDatabase(server, { url: 'postgres://capstone_api:x@localhost:1/app' });

    await expect(nowhere.ping()).rejects.toMatchObject({ code: 'dependency-unavailable' });
    await expect(nowhere.transaction({}, listItems)).rejects.toMatchObject({
      code: 'dependency-unavailable',
    });
    await nowhere.close();
  });

  test('a server that turned read-only is left for a new connection', async () => {
    const own = openDatabase(server);
    const pids = () => own.unscoped.query<{ pid: number }>('pid', 'select pg_backend_pid() as pid');
    const pooled = () =>
      own.transaction({}, (tx) =>
        tx.query<{ pid: number }>('pid', 'select pg_backend_pid() as pid'),
      );
    const [pipeline] = await pids();
    const [pool] = await pooled();
    await own.unscoped.query('ro', 'set default_transaction_read_only = on');

    const write = `insert into t.counters values ('x', 1)`;
    await expect(own.unscoped.query('write', write)).rejects.toBeInstanceOf(QueryError);
    const pooledWrite = own.transaction({}, async (tx) => {
      await tx.query('ro_now', 'set transaction read only');
      await tx.query('write', write);
    });
    await expect(pooledWrite).rejects.toBeInstanceOf(QueryError);

    expect((await pids())[0]!.pid).not.toBe(pipeline!.pid);
    expect((await pooled())[0]!.pid).not.toBe(pool!.pid);
    await own.close();
  });

  test('a certificate of another authority is refused', async () => {
    const wrong = openDatabase(server, { caFile: certificateFor('api').certFile });

    const failure = await wrong.ping().catch((error: unknown) => error);

    expect(failure).toMatchObject({ code: 'dependency-unavailable' });
    expect(String((failure as Error).cause)).toMatch(/certificate|issuer/i);
    await wrong.close();
  });
});

describe('listening', () => {
  test('hears of a commit once it is asked for, and again after its connection was lost', async () => {
    let heard = 0;
    const subscription = db.listen('t_news', () => (heard += 1));
    await waitFor(() => heard === 1, { what: 'the first connection' });

    await db.transaction({}, async (tx) => tx.notifyAfterCommit('t_news'));
    await waitFor(() => heard === 2, { what: 'the notification' });
    await terminate('platform-test');
    await waitFor(() => heard === 3, { what: 'the second connection' });
    await waitFor(() => db.ping().then(() => true));
    await db.transaction({}, async (tx) => tx.notifyAfterCommit('t_news'));
    await waitFor(() => heard >= 4, { what: 'the second notification' });

    await subscription.close();
  });

  test('hears nothing of what was rolled back', async () => {
    let heard = 0;
    const subscription = db.listen('t_silence', () => (heard += 1));
    await waitFor(() => heard === 1);

    await db
      .transaction({}, async (tx) => {
        tx.notifyAfterCommit('t_silence');
        throw new Error('no');
      })
      .catch(() => undefined);
    await db.transaction({}, async (tx) => tx.notifyAfterCommit('t_silence'));
    await waitFor(() => heard === 2);

    expect(heard).toBe(2);
    await subscription.close();
  });
});

function terminate(applicationName: string) {
  return execute(
    server,
    'admin',
    `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name = '${applicationName}' and pid <> pg_backend_pid()
       and datname = current_database()`,
  );
}
