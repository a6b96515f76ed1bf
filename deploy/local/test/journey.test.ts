import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root, System } from './system.js';

let system: System;
beforeAll(async () => {
  system = await System.start();
});
afterAll(() => system?.stop());

test('the journey in the README runs as it is pasted, through three processes', async () => {
  const run = promisify(execFile);

  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', journey()], {
    cwd: root,
    env: { ...process.env, API: system.api },
    timeout: 60_000,
  });

  expect(stdout).toContain('"status":"accepted"');
  expect(stdout).toContain('"title":"Read the tasks slice","');
  for (const mode of ['keyword', 'vector', 'hybrid']) {
    expect(stdout).toMatch(new RegExp(String.raw`— Search it: ${mode}\n(\d\.\d{3}  .+\n){3}`));
  }
});

/** The one fenced block of the README that is marked as the journey. */
function journey(): string {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const block = /^```bash journey\n(.*?)^```$/ms.exec(readme)?.[1];
  if (!block) throw new Error('README.md has no block marked "bash journey"');
  return block;
}
