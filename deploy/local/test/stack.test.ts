import { randomInt } from 'node:crypto';
import { waitFor } from '@capstone/testing/wait-for';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { isPortFree } from '../src/ports.js';
import { stackPorts } from '../src/stack-ports.js';
import { Scratch, type Command } from './scratch.js';

const testMs = 60_000;

let scratch: Scratch;
let offset: number;
let running: Command | undefined;
beforeAll(async () => {
  scratch = new Scratch();
  offset = await freeOffset();
});
afterEach(async () => {
  running?.signal('SIGTERM');
  await running?.ended;
});
afterAll(() => scratch.remove());

test(
  'one stack runs at a time, and Ctrl-C, even twice, stops all of it',
  { timeout: testMs },
  async () => {
    const first = await start();
    const second = scratch.run('start', ['--port-offset', String(offset)]);

    expect(await second.ended).toBe(1);
    expect(second.stderr).toMatch(
      /runs already from this folder, at http:\/\/localhost:\d+: use that one/,
    );
    expect(await tasksOf(demoOf(first))).not.toEqual([]);

    first.signal('SIGINT');
    first.signal('SIGINT');

    expect(await first.ended).toBe(0);
    expect(scratch.processes()).toEqual([]);
  },
);

test(
  'a start takes over from one that was killed, and ends when a service dies',
  { timeout: testMs },
  async () => {
    const killed = await start();
    const demo = demoOf(killed);
    const tasks = await tasksOf(demo);
    killed.signal('SIGKILL');
    await killed.ended;
    expect(scratch.processes()).not.toEqual([]);

    const next = await start();
    expect(next.stdout).toMatch(/Stopped worker, left running by an earlier start/);
    expect(next.stdout).toMatch(/Joined Postgres and Redis/);
    expect(demoOf(next)).toEqual(demo);
    expect(await tasksOf(demo)).toEqual(tasks);

    const worker = scratch.processes().find(({ command }) => command.includes('services/worker'));
    process.kill(worker!.pid, 'SIGKILL');

    expect(await next.ended).toBe(1);
    expect(next.stderr).toMatch(
      /worker ended by itself \(SIGKILL\)\. The last lines of .*worker\.log/,
    );
    expect(scratch.processes()).toEqual([]);
  },
);

async function start(): Promise<Command> {
  const command = scratch.run('start', ['--port-offset', String(offset)]);
  running = command;
  const ended = command.ended.then((code) => {
    throw new Error(`the start ended with ${code}:\n${command.stdout}${command.stderr}`);
  });
  const ready = waitFor(() => command.stdout.includes('Ctrl-C stops everything.'), {
    timeoutMs: 45_000,
    what: 'the stack to be ready',
  });
  ended.catch(() => undefined);
  await Promise.race([ready, ended]);
  return command;
}

/** The address and the credentials that the start has printed. */
function demoOf(command: Command): { api: string; credentials: string } {
  const api = /API\s+(\S+)/.exec(command.stdout)?.[1];
  const credentials = /-d '(\{"email":.*?\})'/.exec(command.stdout)?.[1];
  if (!api || !credentials) throw new Error(`no demo user in:\n${command.stdout}`);
  return { api, credentials };
}

async function tasksOf({ api, credentials }: { api: string; credentials: string }) {
  const login = await fetch(`${api}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: credentials,
  });
  const { accessToken } = (await login.json()) as { accessToken: string };
  const headers = { authorization: `Bearer ${accessToken}` };
  const page = (await (await fetch(`${api}/tasks`, { headers })).json()) as {
    items: { id: string }[];
  };
  return page.items.map((task) => task.id);
}

async function freeOffset(): Promise<number> {
  // Below the ports that outgoing connections get, and seldom those of another run of this test.
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const candidate = randomInt(3_000, 22_000);
    const { http, grpc, admin } = stackPorts(candidate);
    const free = await Promise.all(
      [http, grpc, ...Object.values(admin)].map((port) => isPortFree(port)),
    );
    if (!free.includes(false)) return candidate;
  }
  throw new Error('this machine has no free ports');
}
