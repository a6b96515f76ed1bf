import { parentPort } from 'node:worker_threads';
import type { TextContentType } from '@capstone/contracts/documents';
import { chunkText, type Chunk } from '@capstone/retrieval/chunk-text';
import { extractText, type ExtractedText } from '@capstone/retrieval/extract';
import { UnreadableDocument, type UnreadableCode } from '@capstone/retrieval/unreadable-document';

/** What the thread does, one request at a time. */
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

parentPort?.on('message', (request: ParseRequest) => parentPort?.postMessage(answer(request)));

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
