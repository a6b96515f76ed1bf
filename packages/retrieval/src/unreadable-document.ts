/** Stored with a document that failed, and shown to its owner. */
export type UnreadableCode = 'corrupt' | 'empty' | 'too_large';

/** The document itself is at fault: trying again cannot help. The message is for its owner. */
export class UnreadableDocument extends Error {
  constructor(
    readonly code: UnreadableCode,
    detail: string,
    options?: ErrorOptions,
  ) {
    super(detail, options);
    this.name = 'UnreadableDocument';
  }
}
