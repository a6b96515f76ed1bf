import type { TextContentType } from '@capstone/contracts/documents';
import { chunkText, type Chunk } from '@capstone/retrieval/chunk-text';
import { extractText, type ExtractedText } from '@capstone/retrieval/extract';
import { UnreadableDocument, type UnreadableCode } from '@capstone/retrieval/unreadable-document';

/** What the child does, one request at a time. */
export type ParseRequest =
  | {
      readonly kind: 'extract';
      readonly content: Uint8Array;
      readonly contentType: TextContentType;
    }
  | { readonly kind: 'chunk'; readonly document: ExtractedText; readonly title: string };

export type ParseReply =
  | { readonly extracted: ExtractedText }
  | { readonly chunks: readonly Chunk[] }
  | { readonly unreadable: { readonly code: UnreadableCode; readonly detail: string } }
  | { readonly fault: string };

process.on('message', (request: ParseRequest) => process.send?.(answer(request)));
// Its parent is gone: a worker that was killed leaves no child behind.
process.on('disconnect', () => process.exit());

function answer(request: ParseRequest): ParseReply {
  try {
    return request.kind === 'extract'
      ? { extracted: extractText(request.content, request.contentType) }
      : { chunks: chunkText(request.document, request.title) };
  } catch (error) {
    if (error instanceof UnreadableDocument) {
      return { unreadable: { code: error.code, detail: error.message } };
    }
    return { fault: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
