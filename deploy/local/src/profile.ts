import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Account } from './command.js';
import { OperatorError } from './operator-error.js';
import { freePort } from './ports.js';
import { databaseUsers, type DatabaseUser } from './postgres-roles.js';
import { redisUsers, type RedisUser } from './redis-acl.js';

export type ProfileName = 'local' | 'test';

/** What must be the same at the next start. Written once, readable by its owner only, never committed. */
export interface ProfileState {
  /** Where the data is: a later start looks there. */
  source?: 'native' | 'docker';
  /** The release that made native data; only the same can open it. */
  postgresMajor?: string;
  ports: Record<'postgres' | 'redis-queue' | 'redis-cache', number>;
  passwords: {
    postgres: Record<DatabaseUser, string>;
    queue: Record<RedisUser, string>;
    cache: Record<RedisUser, string>;
    demoUser: string;
  };
  secrets: { passwordPepper: string; tokenPepper: string; keyEncryptionKey: string };
}

/** The folder of one profile, `.capstone/<name>`, and the state kept in it. */
export class Profile {
  readonly directory: string;
  readonly certificates: string;
  readonly logs: string;
  readonly lockFile: string;
  private readonly stateFile: string;

  constructor(
    readonly name: ProfileName,
    readonly root: string,
  ) {
    this.directory = join(resolve(root), '.capstone', name);
    this.certificates = join(this.directory, 'certificates');
    this.logs = join(this.directory, 'logs');
    this.lockFile = join(resolve(root), '.capstone', `${name}.lock`);
    this.stateFile = join(this.directory, 'state.json');
  }

  hasState(): boolean {
    return existsSync(this.stateFile);
  }

  /** Reads the state, or writes a new one with free ports and random passwords. */
  async loadState(): Promise<ProfileState> {
    mkdirSync(this.logs, { recursive: true });
    if (!this.hasState()) {
      if ([this.directory, this.outsideDirectory()].some(hasData)) {
        throw new OperatorError(
          `${this.stateFile} is missing, and with it the passwords of the data beside it: start afresh with --reset.`,
        );
      }
      this.saveState(await newState());
    }
    return JSON.parse(readFileSync(this.stateFile, 'utf8')) as ProfileState;
  }

  saveState(state: ProfileState): void {
    const draft = `${this.stateFile}.new`;
    writeFileSync(draft, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
    renameSync(draft, this.stateFile);
  }

  /**
   * The folder of one server, owned by the account that runs it. It lies in the profile or, where that account
   * cannot enter the checkout (a home of mode 700, say), under /var/lib.
   */
  serverDirectory(server: string, account: Account | undefined): string {
    const inside = !account || canEnter(this.directory, account);
    const directory = join(inside ? this.directory : this.outsideDirectory(), server);
    mkdirSync(directory, { recursive: true });
    if (account) chownSync(directory, account.uid, account.gid);
    chmodSync(directory, 0o700);
    return directory;
  }

  /** Removes everything the profile keeps. Its servers must be stopped. */
  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
    rmSync(this.outsideDirectory(), { recursive: true, force: true });
  }

  private outsideDirectory(): string {
    const checkout = createHash('sha256').update(resolve(this.root)).digest('hex').slice(0, 12);
    return join('/var/lib/capstone', checkout, this.name);
  }
}

async function newState(): Promise<ProfileState> {
  return {
    ports: {
      postgres: await freePort(),
      'redis-queue': await freePort(),
      'redis-cache': await freePort(),
    },
    passwords: {
      postgres: passwordsFor(databaseUsers),
      queue: passwordsFor(redisUsers),
      cache: passwordsFor(redisUsers),
      demoUser: randomBytes(12).toString('base64url'),
    },
    secrets: {
      passwordPepper: randomBytes(32).toString('base64'),
      tokenPepper: randomBytes(32).toString('base64'),
      keyEncryptionKey: randomBytes(32).toString('base64'),
    },
  };
}

function passwordsFor<User extends string>(users: readonly User[]): Record<User, string> {
  const entries = users.map((user) => [user, randomBytes(24).toString('base64url')] as const);
  return Object.fromEntries(entries) as Record<User, string>;
}

function hasData(directory: string): boolean {
  return existsSync(join(directory, 'postgres'));
}

function canEnter(directory: string, account: Account): boolean {
  const { mode, uid } = statSync(directory);
  const bit = uid === account.uid ? 0o100 : 0o001;
  const parent = dirname(directory);
  return (mode & bit) !== 0 && (parent === directory || canEnter(parent, account));
}
