import { Injectable } from '@nestjs/common';
import { Database } from '@capstone/platform/database';
import type { Transaction } from '@capstone/platform/database';
import { Problem } from '@capstone/platform/problem';
import {
  findCredential,
  findPasswordHash,
  findProfile,
  insertUser,
  replacePasswordHash,
  updatePasswordHash,
} from './users.repository.js';
import type { Credential, NewUser, Profile } from './users.repository.js';

@Injectable()
export class UsersService {
  constructor(private readonly db: Database) {}

  /** False when the address is taken: nothing was created then. */
  async create(tx: Transaction, user: NewUser): Promise<boolean> {
    const { isNew } = await insertUser(tx, user);
    return isNew;
  }

  findCredential(email: string): Promise<Credential | undefined> {
    return findCredential(this.db.unscoped, email);
  }

  findPasswordHash(userId: string): Promise<string | undefined> {
    return findPasswordHash(this.db.unscoped, userId);
  }

  async setPasswordHash(tx: Transaction, userId: string, passwordHash: string): Promise<void> {
    await updatePasswordHash(tx, userId, passwordHash);
  }

  /** Does nothing where the password was changed meanwhile. */
  async renewPasswordHash(userId: string, replaced: { from: string; to: string }): Promise<void> {
    await replacePasswordHash(this.db.unscoped, userId, replaced);
  }

  /** The user of a token that verified: without one the token is worth nothing. */
  async getProfile(userId: string): Promise<Profile> {
    const profile = await findProfile(this.db.unscoped, userId);
    if (!profile) throw new Problem('token-invalid');
    return profile;
  }
}
