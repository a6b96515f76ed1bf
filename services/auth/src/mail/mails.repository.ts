import type { Transaction } from '@capstone/platform/database';

export async function insertMail(
  tx: Transaction,
  mail: { id: string; kind: string; sealedContent: Buffer },
): Promise<void> {
  await tx.query(
    'insert_mail',
    `insert into auth.mails (id, kind, sealed_content)
     values ($1, $2, $3)`,
    [mail.id, mail.kind, mail.sealedContent],
  );
}
