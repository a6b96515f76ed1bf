import { createHash } from 'node:crypto';
import multipart, { type Multipart, type MultipartFile } from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { Problem, validationExceptionFactory } from '@capstone/platform/problem';

/** One file as it came, and nothing believed about it yet. */
export interface UploadedFile {
  readonly content: Buffer;
  readonly declaredType: string;
  readonly filename: string;
  /** Hexadecimal. */
  readonly sha256: string;
}

export interface Form<Fields> {
  readonly fields: Fields;
  readonly file: UploadedFile;
}

/** Lets the routes that accept `multipart/form-data` read it; all others have refused it before. */
export function acceptForms(fastify: FastifyInstance): void {
  void fastify.register(multipart, { throwFileSizeLimit: false });
}

/**
 * Reads a form with exactly one `file` and hashes it on the way. Nothing touches a disk. `metadata` is JSON in its field.
 * Throws the problem that names the fault; the rest of the body is then read and dropped.
 */
export async function readForm<Fields extends z.ZodType>(
  request: FastifyRequest,
  schema: Fields,
  maxFileBytes: number,
): Promise<Form<z.output<Fields>>> {
  try {
    const { fields, file } = await readParts(request, maxFileBytes);
    if (!file) throw invalid('/file', 'A file is needed');
    const parsed = schema.safeParse(fields);
    if (!parsed.success) throw validationExceptionFactory(parsed.error.issues);
    return { fields: parsed.data, file };
  } catch (error) {
    request.raw.unpipe().resume();
    throw error instanceof Problem ? error : formProblem(error);
  }
}

async function readParts(request: FastifyRequest, maxFileBytes: number) {
  const fields = new Map<string, unknown>();
  let file: UploadedFile | undefined;
  const limits = { fileSize: maxFileBytes, files: 2, fields: 16, fieldSize: 131_072, parts: 17 };
  for await (const part of request.parts({ limits })) {
    if (part.type === 'field') addField(fields, part);
    else if (part.fieldname !== 'file')
      throw invalid(`/${part.fieldname}`, 'A file is not expected here');
    else if (file) throw invalid('/file', 'Only one file can be sent');
    else file = await readFile(part, maxFileBytes);
  }
  return { fields: Object.fromEntries(fields), file };
}

function addField(fields: Map<string, unknown>, part: Extract<Multipart, { type: 'field' }>) {
  const { fieldname, value, valueTruncated } = part;
  if (fields.has(fieldname)) throw invalid(`/${fieldname}`, 'This field was sent twice');
  if (valueTruncated) throw invalid(`/${fieldname}`, 'This field is too long');
  fields.set(fieldname, fieldname === 'metadata' ? parseMetadata(value) : value);
}

async function readFile(part: MultipartFile, maxFileBytes: number): Promise<UploadedFile> {
  const hash = createHash('sha256');
  const pieces: Buffer[] = [];
  for await (const piece of part.file as AsyncIterable<Buffer>) {
    hash.update(piece);
    pieces.push(piece);
  }
  if (part.file.truncated) {
    throw new Problem('payload-too-large', {
      detail: `A file may have ${maxFileBytes} bytes at most.`,
    });
  }
  if (pieces.length === 0) throw invalid('/file', 'The file is empty');
  const { filename, mimetype } = part;
  const content = Buffer.concat(pieces);
  return { content, declaredType: mimetype, filename, sha256: hash.digest('hex') };
}

/** A client that sends the part as application/json has had it parsed already. */
function parseMetadata(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    throw invalid('/metadata', 'This is not JSON');
  }
}

function invalid(pointer: string, detail: string): Problem {
  return new Problem('validation-failed', { errors: [{ pointer, detail }] });
}

/** The parser's own errors: codes of @fastify/multipart, and bare errors of busboy for a form that is torn. */
function formProblem(cause: unknown): Problem {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (/^FST_(PARTS|FILES|FIELDS)_LIMIT$/.test(code)) {
    return invalid('', 'The form has too many parts');
  }
  return new Problem('malformed-request', { detail: 'The form cannot be read', cause });
}
