import type { Block, BlockKind } from './extract.js';
import { sanitizeText } from './sanitize-text.js';

interface OpenElement {
  readonly kind: BlockKind;
  readonly level?: number | undefined;
}

/** Writes text with its blocks: collapses whitespace as a browser does, and keeps track of where every block lies. */
export class BlockText {
  readonly #parts: string[] = [];
  readonly #blocks: Block[] = [];
  readonly #elements: OpenElement[] = [];
  #length = 0;
  #block = '';
  // Remembered, because looking at the end of a growing string copies it.
  #spaced = true;
  #cells = 0;

  /** Begins an element whose text is of its own kind; `close` ends it. */
  open(kind: BlockKind, level?: number): void {
    this.breakBlock();
    this.#elements.push({ kind, level });
    this.#cells = 0;
  }

  close(): void {
    this.#flush();
    this.#elements.pop();
  }

  /** The next text belongs to another block; in a table row, to the same one. */
  breakBlock(): void {
    if (this.#current.kind === 'table') this.#append(' ');
    else this.#flush();
  }

  cell(): void {
    if (this.#cells > 0) this.#append(' | ');
    this.#cells += 1;
  }

  lineBreak(): void {
    if (this.#block === '') return;
    this.#block += '\n';
    this.#spaced = true;
  }

  text(value: string): void {
    // Again here: character references can spell what was taken out of the source.
    const clean = sanitizeText(value);
    if (this.#current.kind === 'code') this.#block += clean;
    else this.#append(clean.replace(/[\s\u00a0]+/g, ' '));
  }

  finish(): { text: string; blocks: Block[] } {
    this.#flush();
    return { text: this.#parts.join(''), blocks: this.#blocks };
  }

  get #current(): OpenElement {
    return this.#elements.at(-1) ?? { kind: 'paragraph' };
  }

  #append(text: string): void {
    const clean = this.#spaced ? text.replace(/^ +/, '') : text;
    if (clean === '') return;
    this.#block += clean;
    this.#spaced = clean.endsWith(' ');
  }

  #flush(): void {
    const { kind, level } = this.#current;
    const text = kind === 'code' ? this.#block.replace(/^\n+|\s+$/g, '') : this.#block.trim();
    this.#block = '';
    this.#spaced = true;
    if (text.trim() === '') return;
    const previous = this.#blocks.at(-1);
    const continues = (kind === 'list' || kind === 'table') && previous?.kind === kind;
    if (previous) this.#write(continues ? '\n' : '\n\n');
    const start = continues ? previous.start : this.#length;
    this.#write(kind === 'list' ? `- ${text}` : text);
    if (continues) this.#blocks.pop();
    this.#blocks.push(
      kind === 'heading'
        ? {
            kind,
            level: level ?? 1,
            title: text.replace(/\s+/g, ' ').slice(0, 200),
            start,
            end: this.#length,
          }
        : { kind, start, end: this.#length },
    );
  }

  #write(text: string): void {
    this.#parts.push(text);
    this.#length += text.length;
  }
}
