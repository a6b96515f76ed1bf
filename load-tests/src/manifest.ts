import { randomBytes } from 'node:crypto';
import { appendFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Account } from './sessions.js';

export interface SeededWorkspace {
  readonly account: Account;
  taskIds: string[];
  documents: { id: string; chunks: number }[];
}

/** What earlier seeding left in one target, so that the next does not begin again. Holds passwords of load users. */
export class Manifest {
  private constructor(
    readonly folder: string,
    readonly workspaces: SeededWorkspace[],
  ) {}

  /** The manifest of this target and, if a token was given, of its workspace alone. */
  static async open(root: string, origin: string, token: string | undefined): Promise<Manifest> {
    const name = new URL(origin).host.replace(/[^a-z0-9.]+/gi, '-');
    const folder = join(root, '.capstone', 'load', token === undefined ? name : `${name}-token`);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const text = await readFile(join(folder, 'manifest.json'), 'utf8').catch(() => '[]');
    return new Manifest(folder, JSON.parse(text) as SeededWorkspace[]);
  }

  /** A workspace that is not there yet: its user exists only here so far. */
  addWorkspace(): SeededWorkspace {
    const id = randomBytes(6).toString('hex');
    const account = {
      email: `load.${id}@example.com`,
      password: randomBytes(18).toString('base64url'),
    };
    const workspace = { account, taskIds: [], documents: [] };
    this.workspaces.push(workspace);
    return workspace;
  }

  async save(): Promise<void> {
    const file = join(this.folder, 'manifest.json');
    await writeFile(`${file}.new`, JSON.stringify(this.workspaces), { mode: 0o600 });
    await rename(`${file}.new`, file);
  }
}

/** Writes the ids of these workspaces one a line, for k6, and says which lines are whose. */
export async function writeIds(
  file: string,
  idsByWorkspace: readonly (readonly string[])[],
): Promise<{ first: number; count: number }[]> {
  await writeFile(file, '');
  let first = 0;
  const slices = [];
  for (const ids of idsByWorkspace) {
    await appendFile(file, ids.map((id) => `${id}\n`).join(''));
    slices.push({ first, count: ids.length });
    first += ids.length;
  }
  return slices;
}
