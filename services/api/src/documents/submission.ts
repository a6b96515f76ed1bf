import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import {
  CreateDocument,
  ReplaceDocument,
  ReplaceFields,
  UploadFields,
  type TextContentType,
} from '@capstone/contracts/documents';
import { validationExceptionFactory } from '@capstone/platform/problem';
import { CONFIG } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { textContentType, titleOfFile, type Description, type Upload } from './documents.rules.js';
import type { NewDocument } from './documents.service.js';
import { readForm, type UploadedFile } from './upload.js';

/** Reads what a client submits, as JSON or as a form with a file, into the one shape that the service takes. */
@Injectable()
export class SubmissionReader {
  private readonly maxFileBytes: number;

  constructor(@Inject(CONFIG) { documents }: Config) {
    this.maxFileBytes = documents.maxFileBytes;
  }

  async readNew(request: FastifyRequest): Promise<NewDocument> {
    if (!request.isMultipart()) {
      const { title, sourceKey, metadata, ...text } = parse(CreateDocument, request.body);
      return { title, sourceKey, metadata, upload: uploadOfText(text) };
    }
    const { fields, file } = await readForm(request, UploadFields, this.maxFileBytes);
    const { title = titleOfFile(file.filename), sourceKey, metadata } = fields;
    return { title, sourceKey, metadata, upload: uploadOfFile(file) };
  }

  async readReplacement(request: FastifyRequest): Promise<Description & { upload: Upload }> {
    if (!request.isMultipart()) {
      const { title, metadata, ...text } = parse(ReplaceDocument, request.body);
      return { title, metadata, upload: uploadOfText(text) };
    }
    const { fields, file } = await readForm(request, ReplaceFields, this.maxFileBytes);
    return { ...fields, upload: uploadOfFile(file) };
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw validationExceptionFactory(parsed.error.issues);
  return parsed.data;
}

function uploadOfText(text: { content: string; contentType: TextContentType }): Upload {
  const content = Buffer.from(text.content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { content, contentType: text.contentType, sha256 };
}

function uploadOfFile(file: UploadedFile): Upload {
  return { content: file.content, contentType: textContentType(file), sha256: file.sha256 };
}
