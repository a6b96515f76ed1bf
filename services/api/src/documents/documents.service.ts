import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type {
  DocumentContent,
  DocumentMetadata,
  DocumentPage,
  ListDocuments,
  PatchDocument,
} from '@capstone/contracts/documents';
import { Database, type Transaction } from '@capstone/platform/database';
import { Outbox } from '@capstone/platform/outbox';
import type { Principal } from '@capstone/platform/principal';
import { Problem } from '@capstone/platform/problem';
import { replaceAttributes } from '@capstone/retrieval/index-writer';
import type { ExpectedTags } from '../http/entity-tag.js';
import { Idempotency, type RepeatableRequest } from '../http/idempotency.js';
import {
  copyVersion,
  endUnfinishedVersions,
  findCurrentText,
  findDocument,
  insertDocument,
  insertVersion,
  listDocuments,
  lockDocument,
  lockDocumentBySource,
  markDeleted,
  updateDocument,
  type DocumentRow,
} from './documents.repository.js';
import {
  assertExpectedRevision,
  changeOf,
  cursorAfter,
  isUnchanged,
  isUnfinished,
  patched,
  placeOf,
  type Description,
  type Upload,
} from './documents.rules.js';

export interface NewDocument {
  readonly title: string;
  readonly sourceKey: string | undefined;
  readonly metadata: DocumentMetadata;
  readonly upload: Upload;
}

/** `accepted`: there is work for the worker now. Otherwise nothing had to be done. */
export interface Received {
  readonly document: DocumentRow;
  readonly accepted: boolean;
}

interface Target {
  readonly id: string;
  readonly expected: ExpectedTags | undefined;
}

@Injectable()
export class DocumentsService {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly idempotency: Idempotency,
  ) {}

  /** A source key that is in use names the document to make a version of. */
  create(caller: Principal, request: RepeatableRequest, input: NewDocument): Promise<Received> {
    const { workspaceId, userId } = caller;
    const { upload, ...description } = input;
    const { contentType, sha256 } = upload;
    const fingerprint = { ...description, contentType, sha256 };
    return this.idempotency.once(caller, { request, input: fingerprint }, async (tx) => {
      const id = uuidv7();
      const isNew = await insertDocument(tx, workspaceId, { ...input, id, createdBy: userId });
      if (!isNew) return this.receiveAgain(tx, workspaceId, input);
      replaceAttributes(tx, { workspaceId, documentId: id }, input.metadata);
      insertVersion(tx, workspaceId, { documentId: id, version: 1, ...upload });
      return this.accept(tx, workspaceId, id);
    });
  }

  async get(caller: Principal, id: string): Promise<DocumentRow> {
    const document = await findDocument(this.db.read(caller), caller.workspaceId, id);
    if (!document) throw new Problem('document-not-found');
    return document;
  }

  async list(caller: Principal, query: ListDocuments): Promise<DocumentPage> {
    const { workspaceId } = caller;
    const beforeId = placeOf(query.cursor, workspaceId, query);
    const oneMore = { ...query, limit: query.limit + 1, beforeId };
    const found = await listDocuments(this.db.read(caller), workspaceId, oneMore);

    const items = found.slice(0, query.limit);
    const last = found.length > query.limit ? items.at(-1) : undefined;
    return { items, nextCursor: last ? cursorAfter(last, workspaceId, query) : null };
  }

  async getContent(caller: Principal, id: string): Promise<DocumentContent> {
    const current = await findCurrentText(this.db.read(caller), caller.workspaceId, id);
    if (current) return { documentId: id, ...current, characters: current.text.length };
    const { status } = await this.get(caller, id);
    if (isUnfinished(status)) throw new Problem('document-busy', { retryAfterSeconds: 1 });
    throw new Problem('document-unreadable');
  }

  replace(
    caller: Principal,
    target: Target,
    input: Description & { upload: Upload },
  ): Promise<Received> {
    const { workspaceId } = caller;
    return this.db.transaction(caller, async (tx) => {
      const current = await getForChange(tx, workspaceId, target);
      if (!isUnchanged(current, input.upload)) {
        return this.addVersion(tx, workspaceId, current, input);
      }
      const document = await this.describe(tx, workspaceId, current, input);
      return { document, accepted: false };
    });
  }

  patch(caller: Principal, target: Target, patch: PatchDocument): Promise<DocumentRow> {
    const { workspaceId } = caller;
    return this.db.transaction(caller, async (tx) => {
      const current = await getForChange(tx, workspaceId, target);
      return this.describe(tx, workspaceId, current, patched(current, patch));
    });
  }

  async remove(caller: Principal, target: Target): Promise<void> {
    const { workspaceId } = caller;
    const { id: documentId } = target;
    await this.db.transaction(caller, async (tx) => {
      await getForChange(tx, workspaceId, target);
      endUnfinishedVersions(tx, workspaceId, documentId, 'cancelled');
      markDeleted(tx, workspaceId, documentId);
      this.outbox.job(tx, 'document.purge', { workspaceId, documentId });
    });
  }

  /** As a new version with the same bytes, so that the one there is stays searchable meanwhile. */
  reindex(caller: Principal, request: RepeatableRequest, id: string): Promise<DocumentRow> {
    const { workspaceId } = caller;
    return this.idempotency.once(caller, { request, input: { id } }, async (tx) => {
      const current = await getForChange(tx, workspaceId, { id, expected: undefined });
      if (isUnfinished(current.status))
        throw new Problem('document-busy', { retryAfterSeconds: 5 });
      const version = current.version + 1;
      copyVersion(tx, workspaceId, id, { from: current.version, to: version });
      updateDocument(tx, workspaceId, id, { newestVersion: version });
      const { document } = await this.accept(tx, workspaceId, id);
      return document;
    });
  }

  /** The worker writes nothing more for the version from the commit on; it clears what it has written. */
  cancel(caller: Principal, request: RepeatableRequest, id: string): Promise<DocumentRow> {
    const { workspaceId } = caller;
    return this.idempotency.once(caller, { request, input: { id } }, async (tx) => {
      const current = await getForChange(tx, workspaceId, { id, expected: undefined });
      if (current.status === 'cancelled') return current;
      if (!isUnfinished(current.status)) throw new Problem('document-idle');
      endUnfinishedVersions(tx, workspaceId, id, 'cancelled');
      return this.announce(tx, workspaceId, id);
    });
  }

  private async receiveAgain(
    tx: Transaction,
    workspaceId: string,
    { sourceKey = '', ...input }: NewDocument,
  ): Promise<Received> {
    const current = await lockDocumentBySource(tx, workspaceId, sourceKey);
    // It was deleted in the moment since the insert met it.
    if (!current) throw new Problem('conflict');
    if (isUnchanged(current, input.upload)) return { document: current, accepted: false };
    return this.addVersion(tx, workspaceId, current, input);
  }

  private async addVersion(
    tx: Transaction,
    workspaceId: string,
    current: DocumentRow,
    { upload, ...description }: Description & { upload: Upload },
  ): Promise<Received> {
    const key = { workspaceId, documentId: current.id };
    const version = current.version + 1;
    endUnfinishedVersions(tx, workspaceId, current.id, 'superseded');
    insertVersion(tx, workspaceId, { documentId: current.id, version, ...upload });
    const change = changeOf(current, description);
    updateDocument(tx, workspaceId, current.id, { ...change, newestVersion: version });
    if (change?.metadata) replaceAttributes(tx, key, change.metadata);
    return this.accept(tx, workspaceId, current.id);
  }

  private async describe(
    tx: Transaction,
    workspaceId: string,
    current: DocumentRow,
    description: Description,
  ): Promise<DocumentRow> {
    const change = changeOf(current, description);
    if (!change) return current;
    const key = { workspaceId, documentId: current.id };
    updateDocument(tx, workspaceId, current.id, change);
    if (change.metadata) replaceAttributes(tx, key, change.metadata);
    return getOwn(tx, workspaceId, current.id);
  }

  private async accept(tx: Transaction, workspaceId: string, id: string): Promise<Received> {
    const document = await this.announce(tx, workspaceId, id);
    const { version } = document;
    this.outbox.job(tx, 'document.ingest', { workspaceId, documentId: id, version });
    return { document, accepted: true };
  }

  private async announce(tx: Transaction, workspaceId: string, id: string): Promise<DocumentRow> {
    const document = await getOwn(tx, workspaceId, id);
    const { version, status, counts } = document;
    const data = { documentId: id, version, status, counts };
    this.outbox.event(tx, workspaceId, 'document.status', data);
    return document;
  }
}

/** What this transaction has made of it. */
async function getOwn(tx: Transaction, workspaceId: string, id: string): Promise<DocumentRow> {
  const document = await findDocument(tx, workspaceId, id);
  if (!document) throw new Problem('document-not-found');
  return document;
}

async function getForChange(tx: Transaction, workspaceId: string, { id, expected }: Target) {
  const current = await lockDocument(tx, workspaceId, id);
  if (!current) throw new Problem('document-not-found');
  assertExpectedRevision(current, expected);
  return current;
}
