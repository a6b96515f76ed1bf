import type { TextContentType } from '@capstone/contracts/documents';
import { extractHtml } from './extract-html.js';
import { extractMarkdown } from './extract-markdown.js';
import { extractPlain } from './extract-plain.js';
import { sanitizeText } from './sanitize-text.js';
import { UnreadableDocument } from './unreadable-document.js';

export type BlockKind = 'heading' | 'paragraph' | 'code' | 'list' | 'table';

/** A piece of structure in the canonical text; `start` and `end` are UTF-16 offsets into it. */
export interface Block {
  readonly kind: BlockKind;
  /** 1 to 6, headings only. */
  readonly level?: number;
  /** The heading's words without mark-up, headings only. */
  readonly title?: string;
  readonly start: number;
  readonly end: number;
}

export interface ExtractedText {
  /** The canonical text: every offset that search or ask hands out points into it. */
  readonly text: string;
  /** What the document calls itself: the HTML title, or the first heading of level 1. */
  readonly title?: string;
  /** Ascending and without overlap. */
  readonly blocks: readonly Block[];
}

export const maxCharacters = 20_000_000;

const extractors = {
  'text/html': extractHtml,
  'text/markdown': extractMarkdown,
  'text/plain': extractPlain,
} satisfies Record<TextContentType, (source: string) => ExtractedText>;

/** Decodes, cleans and structures a document. Throws UnreadableDocument, and nothing else, for what is in the bytes. */
export function extractText(bytes: Uint8Array, contentType: TextContentType): ExtractedText {
  if (bytes.byteLength > maxCharacters * 4) throw tooLarge();
  const source = sanitizeText(decode(bytes));
  if (source.length > maxCharacters) throw tooLarge();
  const extracted = extractors[contentType](source);
  if (extracted.blocks.length === 0) {
    throw new UnreadableDocument('empty', 'There is no text in this document.');
  }
  return extracted;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new UnreadableDocument('corrupt', 'The text is not valid UTF-8.', { cause: error });
  }
}

function tooLarge() {
  return new UnreadableDocument('too_large', `Documents end at ${maxCharacters} characters.`);
}
