import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { Transaction } from '@capstone/platform/database';
import { CONFIG } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { seal } from '../seal.js';
import { insertMail } from './mails.repository.js';

/** Each kind with what its text is made of. */
export interface InvitationMail {
  readonly kind: 'invitation';
  readonly to: string;
  readonly token: string;
  readonly workspaceName: string;
  readonly role: string;
}

export type Mail = InvitationMail;

@Injectable()
export class MailService {
  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** Commits with the change that it tells of. The token in it exists nowhere else in clear. */
  async queue(tx: Transaction, mail: Mail): Promise<void> {
    const id = uuidv7();
    const content = Buffer.from(JSON.stringify(mail));
    const sealedContent = seal(this.config.keys.encryptionKey, content, Buffer.from(id));
    await insertMail(tx, { id, kind: mail.kind, sealedContent });
  }
}
