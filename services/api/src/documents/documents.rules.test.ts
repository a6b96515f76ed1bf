import { describe, expect, test } from 'vitest';
import type { DocumentRow } from './documents.repository.js';
import {
  assertExpectedRevision,
  changeOf,
  documentTag,
  isUnchanged,
  patched,
  textContentType,
  titleOfFile,
  type Upload,
} from './documents.rules.js';

const document: DocumentRow = {
  id: '0198d000-0000-7000-8000-000000000001',
  title: 'Foxes',
  sourceKey: null,
  contentType: 'text/plain',
  bytes: 1,
  status: 'ready',
  version: 3,
  counts: { characters: 1, chunks: 1, embedded: 1 },
  error: null,
  metadata: { a: 1, b: 'x' },
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
  currentVersion: 3,
  sha256: 'aa',
  revision: 4,
  progress: 7,
};
const upload: Upload = { content: Buffer.from('x'), contentType: 'text/plain', sha256: 'aa' };

describe('isUnchanged', () => {
  test.each(['received', 'extracting', 'chunking', 'embedding', 'ready'] as const)(
    'is true for the same bytes of the same type in %s',
    (status) => expect(isUnchanged({ ...document, status }, upload)).toBe(true),
  );

  test.each([
    ['failed before', { ...document, status: 'failed' }],
    ['was cancelled', { ...document, status: 'cancelled' }],
    ['has other bytes', { ...document, sha256: 'bb' }],
    ['was read as another type', { ...document, contentType: 'text/html' }],
  ] as const)('is false for what %s', (_, newest) => {
    expect(isUnchanged(newest, upload)).toBe(false);
  });
});

describe('changeOf', () => {
  test('names what differs and nothing else', () => {
    expect(changeOf(document, {})).toBeUndefined();
    expect(changeOf(document, { title: 'Foxes', metadata: { b: 'x', a: 1 } })).toBeUndefined();
    expect(changeOf(document, { title: 'New', metadata: { a: 1, b: 'x' } })).toEqual({
      title: 'New',
      metadata: undefined,
    });
    expect(changeOf(document, { metadata: { a: '1', b: 'x' } })?.metadata).toEqual({
      a: '1',
      b: 'x',
    });
    expect(changeOf(document, { metadata: {} })?.metadata).toEqual({});
  });
});

describe('patched', () => {
  test('merges metadata and removes what is null', () => {
    expect(patched(document, { metadata: { a: null, c: true } }).metadata).toEqual({
      b: 'x',
      c: true,
    });
  });

  test('removes what is not there without complaint', () => {
    expect(patched(document, { metadata: { zz: null } }).metadata).toEqual(document.metadata);
  });
});

describe('textContentType', () => {
  test.each([
    ['text/markdown', 'a.txt', 'text/markdown'],
    ['TEXT/HTML; charset=utf-8', 'a', 'text/html'],
    ['text/plain', 'a.md', 'text/markdown'],
    ['text/plain', 'a.log', 'text/plain'],
    ['application/octet-stream', 'a.htm', 'text/html'],
    ['', 'a.markdown', 'text/markdown'],
  ])('reads %j of %j as %s', (declaredType, filename, type) => {
    const content = Buffer.from('text');
    expect(textContentType({ content, declaredType, filename })).toBe(type);
  });

  test.each([
    ['%PDF-1.7', 'text/plain', 'a.txt', 'unsupported-document'],
    ['PK\x03\x04', 'text/plain', 'a.txt', 'unsupported-document'],
    ['a\0b', 'text/plain', 'a.txt', 'unsupported-document'],
    ['text', 'image/png', 'a.txt', 'unsupported-media-type'],
    ['text', 'application/octet-stream', 'constructor', 'unsupported-media-type'],
    ['text', 'application/octet-stream', 'a.constructor', 'unsupported-media-type'],
  ])('refuses %j sent as %s with the name %s', (content, declaredType, filename, code) => {
    const file = { content: Buffer.from(content), declaredType, filename };
    expect(() => textContentType(file)).toThrow(expect.objectContaining({ code }));
  });
});

describe('titleOfFile', () => {
  test.each([
    ['a.md', 'a.md'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\files\\a.txt', 'a.txt'],
    ['a\u202e\u0000b', 'ab'],
    ['', 'Untitled'],
    ['dir/', 'Untitled'],
    ['x'.repeat(400), 'x'.repeat(300)],
  ])('makes of %j the title %j', (filename, title) => {
    expect(titleOfFile(filename)).toBe(title);
  });
});

describe('the tag', () => {
  test('changes with what people do and with what the worker does', () => {
    const tags = [
      documentTag(document),
      documentTag({ ...document, revision: 5 }),
      documentTag({ ...document, progress: 8 }),
    ];
    expect(new Set(tags).size).toBe(3);
  });

  test('is good for writing until a person changes something', () => {
    const seen = [documentTag(document)];

    expect(() => assertExpectedRevision({ ...document, progress: 99 }, seen)).not.toThrow();
    expect(() => assertExpectedRevision({ ...document, revision: 40 }, seen)).toThrow(
      'version-mismatch',
    );
    expect(() => assertExpectedRevision(document, ['"4"', `W/${seen[0]}`])).toThrow(
      'version-mismatch',
    );
    expect(() => assertExpectedRevision(document, '*')).not.toThrow();
    expect(() => assertExpectedRevision(document, undefined)).not.toThrow();
  });
});
