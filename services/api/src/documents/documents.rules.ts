import { z } from 'zod';
import {
  DocumentMetadata,
  type Document,
  type DocumentStatus,
  type ListDocuments,
  type PatchDocument,
  type TextContentType,
} from '@capstone/contracts/documents';
import { Problem, validationExceptionFactory } from '@capstone/platform/problem';
import { decodeCursor, encodeCursor } from '../http/cursor.js';
import { entityTag, type ExpectedTags } from '../http/entity-tag.js';
import type { DocumentRow } from './documents.repository.js';

/** Bytes that are known to be text of a type that can be processed. */
export interface Upload {
  readonly content: Buffer;
  readonly contentType: TextContentType;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** What people say about a document, as far as they say it. */
export interface Description {
  readonly title?: string | undefined;
  readonly metadata?: DocumentMetadata | undefined;
}

export function isUnfinished(status: DocumentStatus): boolean {
  return ['received', 'extracting', 'chunking', 'embedding'].includes(status);
}

/** The same bytes read the same way need no new version, unless the last attempt at them came to nothing. */
export function isUnchanged(
  newest: Pick<DocumentRow, 'status' | 'contentType' | 'sha256'>,
  upload: Upload,
): boolean {
  return (
    newest.status !== 'failed' &&
    newest.status !== 'cancelled' &&
    newest.contentType === upload.contentType &&
    newest.sha256 === upload.sha256
  );
}

/** The part of a description that would change something; undefined when none would. */
export function changeOf(document: Document, description: Description): Description | undefined {
  const title = description.title === document.title ? undefined : description.title;
  const metadata = isSameMetadata(description.metadata, document.metadata)
    ? undefined
    : description.metadata;
  return title === undefined && metadata === undefined ? undefined : { title, metadata };
}

function isSameMetadata(a: DocumentMetadata | undefined, b: DocumentMetadata): boolean {
  if (a === undefined) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

/** RFC 7396. Throws `validation-failed` when the result would have too many entries. */
export function patched(document: Document, patch: PatchDocument): Description {
  if (patch.metadata === undefined) return { title: patch.title };
  const entries = Object.entries({ ...document.metadata, ...patch.metadata });
  const kept = entries.filter(([, value]) => value !== null);
  const parsed = z.object({ metadata: DocumentMetadata }).safeParse({
    metadata: Object.fromEntries(kept),
  });
  if (!parsed.success) throw validationExceptionFactory(parsed.error.issues);
  return { title: patch.title, metadata: parsed.data.metadata };
}

const typeByExtension: ReadonlyMap<string, TextContentType> = new Map([
  ['md', 'text/markdown'],
  ['markdown', 'text/markdown'],
  ['txt', 'text/plain'],
  ['text', 'text/plain'],
  ['html', 'text/html'],
  ['htm', 'text/html'],
]);

const typeByDeclaration: ReadonlyMap<string, TextContentType> = new Map([
  ['text/markdown', 'text/markdown'],
  ['text/x-markdown', 'text/markdown'],
  ['text/plain', 'text/plain'],
  ['text/html', 'text/html'],
]);

const signatures = [
  { format: 'PDF', bytes: Buffer.from('%PDF-') },
  { format: 'DOCX or other ZIP', bytes: Buffer.from('PK\x03\x04') },
] as const;

/**
 * The type of an uploaded file. The content decides whether it is text at all; the client's word decides which kind of
 * text, since Markdown and plain text cannot be told apart by their bytes. Throws `unsupported-document` for content,
 * `unsupported-media-type` for a declaration.
 */
export function textContentType(file: {
  content: Buffer;
  declaredType: string;
  filename: string;
}): TextContentType {
  const { content } = file;
  const known = signatures.find(({ bytes }) => content.subarray(0, bytes.length).equals(bytes));
  if (known) {
    const detail = `This is a ${known.format} file. Markdown, plain text and HTML can be read.`;
    throw new Problem('unsupported-document', { detail });
  }
  const type = declaredContentType(file.declaredType, file.filename);
  if (!type) {
    const detail = 'The file has to be text/markdown, text/plain or text/html.';
    throw new Problem('unsupported-media-type', { detail });
  }
  assertText(content);
  return type;
}

/** Browsers and curl send Markdown as plain text, or as bytes of any kind: then the file name says more. */
function declaredContentType(declaredType: string, filename: string): TextContentType | undefined {
  const extension = /\.([a-z]+)$/i.exec(filename)?.[1]?.toLowerCase() ?? '';
  const declared = declaredType.split(';', 1)[0]!.trim().toLowerCase();
  if (declared === '' || declared === 'application/octet-stream') {
    return typeByExtension.get(extension);
  }
  const type = typeByDeclaration.get(declared);
  return type === 'text/plain' ? (typeByExtension.get(extension) ?? type) : type;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function assertText(content: Buffer): void {
  if (content.includes(0)) throw notText('It contains NUL bytes.');
  try {
    utf8.decode(content);
  } catch {
    throw notText('It is not valid UTF-8.');
  }
}

function notText(reason: string): Problem {
  return new Problem('unsupported-document', { detail: `The file is not text. ${reason}` });
}

/** The title of an upload that brings none: its file name, which is only ever shown. */
export function titleOfFile(filename: string): string {
  const name = filename.split(/[/\\]/).at(-1) ?? '';
  return (
    name
      .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '')
      .trim()
      .slice(0, 300) || 'Untitled'
  );
}

/**
 * The ETag has two numbers: what people changed, and how far the worker is. A reader that polls sees a change of either.
 */
export function documentTag(document: DocumentRow): string {
  return entityTag(document.id, document.revision, document.progress);
}

/** Progress overwrites nothing, so a writer need only have seen what people changed. Throws `version-mismatch`. */
export function assertExpectedRevision(
  document: DocumentRow,
  expected: ExpectedTags | undefined,
): void {
  if (expected === undefined || expected === '*') return;
  const seen = entityTag(document.id, document.revision).slice(0, -1);
  if (!expected.some((tag) => tag.startsWith(`${seen}.`))) throw new Problem('version-mismatch');
}

/** Where a page ends, for the client to hand back. */
export function cursorAfter(document: Document, workspaceId: string, list: ListDocuments): string {
  return encodeCursor(listOf(workspaceId, list), [document.id]);
}

/** The id a cursor names. Throws `invalid-cursor` for a cursor of another list, filter or workspace. */
export function placeOf(
  cursor: string | undefined,
  workspaceId: string,
  list: ListDocuments,
): string | undefined {
  if (cursor === undefined) return undefined;
  return decodeCursor(listOf(workspaceId, list), cursor, z.tuple([z.uuid()]))[0];
}

function listOf(workspaceId: string, { limit: _limit, cursor: _cursor, ...list }: ListDocuments) {
  return { list: 'documents', workspaceId, ...list };
}
