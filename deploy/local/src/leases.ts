import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { tryLock, type Lock } from './lock.js';
import type { Profile } from './profile.js';

const stayFile = 'stay';

/**
 * Who uses the profile's servers. Each user holds the lock of a file of its own, which the kernel releases when the
 * process dies, so the count is right even after a crash. Call under the profile's lock.
 */
export class Leases {
  private readonly directory: string;

  constructor(profile: Profile) {
    this.directory = join(profile.directory, 'users');
  }

  take(): Lock {
    mkdirSync(this.directory, { recursive: true });
    const file = join(this.directory, `${process.pid}-${randomUUID()}.lock`);
    const lock = tryLock(file);
    if (!lock) throw new Error(`${file} is locked by another process`);
    return {
      release: () => {
        lock.release();
        rmSync(file, { force: true });
      },
    };
  }

  /** Keeps the servers running after the last user has left, until `down`. */
  stay(): void {
    mkdirSync(this.directory, { recursive: true });
    writeFileSync(join(this.directory, stayFile), '');
  }

  leave(): void {
    rmSync(join(this.directory, stayFile), { force: true });
  }

  /** Whether a living process uses the servers, or they are to stay. */
  inUse(): boolean {
    return this.files().some((name) => name === stayFile || this.isHeld(name));
  }

  private isHeld(name: string): boolean {
    const file = join(this.directory, name);
    const lock = tryLock(file);
    lock?.release();
    if (lock) rmSync(file, { force: true }); // its user died without leaving
    return !lock;
  }

  private files(): string[] {
    mkdirSync(this.directory, { recursive: true });
    return readdirSync(this.directory).filter((name) => !name.includes('-journal'));
  }
}
