import type { TextContentType } from '@capstone/contracts/documents';

export type BlockKind = 'heading' | 'paragraph' | 'code' | 'list' | 'table';

/** A piece of structure in the canonical text; `start` and `end` are UTF-16 offsets into it. */
export interface Block {
  readonly kind: BlockKind;
  /** 1 to 6, headings only. */
  readonly level?: number;
  readonly start: number;
  readonly end: number;
}

export interface ExtractedText {
  /** The canonical text: every offset that search or ask hands out points into it. */
  readonly text: string;
  /** What the document calls itself: its first heading of level 1, or the HTML title. */
  readonly title?: string;
  /** Ascending and without overlap. */
  readonly blocks: readonly Block[];
}

export type UnreadableCode = 'corrupt' | 'empty' | 'too_large' | 'unsupported';

/** The document itself is at fault: trying again cannot help, and the code says why. */
export class UnreadableDocument extends Error {
  constructor(
    readonly code: UnreadableCode,
    detail: string,
  ) {
    super(detail);
    this.name = 'UnreadableDocument';
  }
}

/** Decodes and structures a document. Throws UnreadableDocument; never anything else for bad bytes. */
export function extractText(_bytes: Uint8Array, _contentType: TextContentType): ExtractedText {
  throw new UnreadableDocument('unsupported', 'not written yet');
}
