import { Body, Controller, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  CreateDocument,
  Document,
  DocumentContent,
  DocumentPage,
  ListDocuments,
  PatchDocument,
  ReplaceDocument,
  ReplaceFields,
  UploadFields,
} from '@capstone/contracts/documents';
import type { Principal } from '@capstone/platform/principal';
import { IfMatch, sendTagged, type ExpectedTags } from '../http/entity-tag.js';
import { Repeatable, type RepeatableRequest } from '../http/idempotency.js';
import { Route } from '../http/route.js';
import { Caller } from '../identity/caller.js';
import type { DocumentRow } from './documents.repository.js';
import { documentTag } from './documents.rules.js';
import { DocumentsService, type Received } from './documents.service.js';
import { SubmissionReader } from './submission.js';

const Id = z.uuid();

const textOrForm = ['application/json', 'multipart/form-data'];
// Five million characters of content, which JSON may write in up to six bytes each.
const submissionLimitBytes = 32 * 1_048_576;

@Controller('api/v1/documents')
export class DocumentsController {
  constructor(
    private readonly documents: DocumentsService,
    private readonly submissions: SubmissionReader,
  ) {}

  @Route('POST', '', {
    summary: 'Submit a document for processing',
    access: 'documents:write',
    answers: { 202: Document, 200: Document },
    accepts: textOrForm,
    body: CreateDocument,
    form: UploadFields,
    bodyLimitBytes: submissionLimitBytes,
    tagged: true,
    problems: [
      'idempotency-key-in-use',
      'idempotency-key-reused',
      'unsupported-document',
      'conflict',
    ],
  })
  async create(
    @Caller() caller: Principal,
    @Repeatable() repeatable: RepeatableRequest,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const input = await this.submissions.readNew(request);
    return sendReceived(reply, await this.documents.create(caller, repeatable, input));
  }

  @Route('GET', '', {
    summary: 'List documents, newest first',
    access: 'documents:read',
    answers: { 200: DocumentPage },
    problems: ['invalid-cursor'],
  })
  list(@Caller() caller: Principal, @Query({ schema: ListDocuments }) query: ListDocuments) {
    return this.documents.list(caller, query);
  }

  @Route('GET', ':id', {
    summary: 'Read the record of a document',
    access: 'documents:read',
    answers: { 200: Document },
    tagged: true,
    problems: ['document-not-found'],
  })
  async get(
    @Caller() caller: Principal,
    @Param('id', { schema: Id }) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return sendDocument(reply, await this.documents.get(caller, id));
  }

  @Route('GET', ':id/content', {
    summary: 'Read the canonical text, into which every offset points',
    access: 'documents:read',
    answers: { 200: DocumentContent },
    problems: ['document-not-found', 'document-busy', 'document-unreadable'],
  })
  getContent(@Caller() caller: Principal, @Param('id', { schema: Id }) id: string) {
    return this.documents.getContent(caller, id);
  }

  @Route('PUT', ':id', {
    summary: 'Submit new content; the old stays searchable until the new is ready',
    access: 'documents:write',
    answers: { 202: Document, 200: Document },
    accepts: textOrForm,
    body: ReplaceDocument,
    form: ReplaceFields,
    bodyLimitBytes: submissionLimitBytes,
    tagged: true,
    ifMatch: 'required',
    problems: ['document-not-found', 'unsupported-document'],
  })
  async replace(
    @Caller() caller: Principal,
    @Param('id', { schema: Id }) id: string,
    @IfMatch() expected: ExpectedTags | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const input = await this.submissions.readReplacement(request);
    return sendReceived(reply, await this.documents.replace(caller, { id, expected }, input));
  }

  @Route('PATCH', ':id', {
    summary: 'Change title or metadata',
    access: 'documents:write',
    answers: { 200: Document },
    accepts: ['application/merge-patch+json', 'application/json'],
    tagged: true,
    ifMatch: 'optional',
    problems: ['document-not-found'],
  })
  async patch(
    @Caller() caller: Principal,
    @Param('id', { schema: Id }) id: string,
    @IfMatch() expected: ExpectedTags | undefined,
    @Body({ schema: PatchDocument }) patch: PatchDocument,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return sendDocument(reply, await this.documents.patch(caller, { id, expected }, patch));
  }

  @Route('DELETE', ':id', {
    summary: 'Delete a document; from then on no search finds it',
    access: 'documents:write',
    answers: { 204: null },
    ifMatch: 'optional',
    problems: ['document-not-found'],
  })
  remove(
    @Caller() caller: Principal,
    @Param('id', { schema: Id }) id: string,
    @IfMatch() expected: ExpectedTags | undefined,
  ) {
    return this.documents.remove(caller, { id, expected });
  }

  @Route('POST', ':id/reindex', {
    summary: 'Process a document again',
    access: 'documents:write',
    answers: { 202: Document },
    tagged: true,
    problems: [
      'document-not-found',
      'document-busy',
      'idempotency-key-in-use',
      'idempotency-key-reused',
    ],
  })
  async reindex(
    @Caller() caller: Principal,
    @Repeatable() repeatable: RepeatableRequest,
    @Param('id', { schema: Id }) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return sendDocument(reply, await this.documents.reindex(caller, repeatable, id));
  }

  @Route('POST', ':id/cancel', {
    summary: 'Stop processing a document',
    access: 'documents:write',
    answers: { 202: Document },
    tagged: true,
    problems: [
      'document-not-found',
      'document-idle',
      'idempotency-key-in-use',
      'idempotency-key-reused',
    ],
  })
  async cancel(
    @Caller() caller: Principal,
    @Repeatable() repeatable: RepeatableRequest,
    @Param('id', { schema: Id }) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return sendDocument(reply, await this.documents.cancel(caller, repeatable, id));
  }
}

function sendDocument(reply: FastifyReply, document: DocumentRow) {
  return sendTagged(reply, documentTag(document), document);
}

function sendReceived(reply: FastifyReply, { document, accepted }: Received) {
  reply.code(accepted ? 202 : 200);
  reply.header('location', `/api/v1/documents/${document.id}`);
  return sendDocument(reply, document);
}
