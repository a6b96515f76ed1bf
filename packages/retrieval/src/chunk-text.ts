import { createHash } from 'node:crypto';
import type { Block, ExtractedText } from './extract.js';
import { splitBlock, type Piece } from './pieces.js';

export interface Chunk {
  readonly ordinal: number;
  /** UTF-16 offsets into the canonical text; `content` is exactly that slice. */
  readonly charStart: number;
  readonly charEnd: number;
  readonly content: string;
  /** The headings above the chunk, outermost first. */
  readonly headingPath: readonly string[];
  /** Title and headings that are indexed with the content but are not part of it. */
  readonly context: string;
  /** Estimated: words times 1.3. */
  readonly tokens: number;
  /** Hex, over context and content: equal hashes mean equal vectors. */
  readonly sha256: string;
}

/** In estimated tokens. */
export interface ChunkSize {
  readonly target: number;
  /** How much of the end of a chunk is repeated at the start of the next, at most. */
  readonly overlap: number;
  /** A heading ends a chunk that has at least so much. */
  readonly minimum: number;
}

export const defaultChunkSize: ChunkSize = { target: 400, overlap: 60, minimum: 100 };

// Whitespace beyond this between two pieces ends a chunk, so that no chunk is long for its gaps.
const maxGapCharacters = 200;

/**
 * Cuts a document into chunks of about `size.target` tokens, along headings, blocks and sentences in this order of
 * preference. Takes time and space linear in the text, whatever it looks like; never cuts a surrogate pair in two.
 */
export function chunkText(
  document: Pick<ExtractedText, 'text' | 'blocks'>,
  title: string,
  size: ChunkSize = defaultChunkSize,
): Chunk[] {
  const pieces = toPieces(document, size);
  const chunks: Chunk[] = [];
  let from = 0;
  while (from < pieces.length) {
    const to = endOfChunk(pieces, from, size);
    chunks.push(toChunk(document.text, pieces.slice(from, to), { ordinal: chunks.length, title }));
    from = to === pieces.length ? to : startOfNext(pieces, { from, to }, size);
  }
  return chunks;
}

/** What is indexed and embedded for a chunk. */
export function indexedText(chunk: Pick<Chunk, 'context' | 'content'>): string {
  return chunk.context === '' ? chunk.content : `${chunk.context}\n\n${chunk.content}`;
}

interface PlacedPiece extends Piece {
  readonly isHeading: boolean;
  /** The tokens of its block, in its first piece only. */
  readonly blockTokens: number;
  /** The headings above, shared by all pieces of a section. */
  readonly headingPath: readonly string[];
}

function toPieces(
  document: Pick<ExtractedText, 'text' | 'blocks'>,
  size: ChunkSize,
): PlacedPiece[] {
  const placed: PlacedPiece[] = [];
  let path: { level: number; title: string }[] = [];
  let headingPath: string[] = [];
  for (const block of document.blocks) {
    const isHeading = block.kind === 'heading';
    if (isHeading) {
      path = path.filter(({ level }) => level < levelOf(block));
      headingPath = path.map((heading) => heading.title);
    }
    // With the overlap in front of it any piece must still fit, or chunks would stop moving on.
    const pieces = splitBlock(document.text, block, size.target - size.overlap);
    const blockTokens = pieces.reduce((sum, piece) => sum + piece.tokens, 0);
    pieces.forEach((piece, index) =>
      placed.push({ ...piece, isHeading, headingPath, blockTokens: index === 0 ? blockTokens : 0 }),
    );
    if (isHeading) {
      path.push({ level: levelOf(block), title: block.title ?? '' });
      headingPath = path.map((heading) => heading.title);
    }
  }
  return placed;
}

function levelOf(block: Block): number {
  return block.level ?? 1;
}

function endOfChunk(pieces: readonly PlacedPiece[], from: number, size: ChunkSize): number {
  let tokens = pieces[from]!.tokens;
  let to = from + 1;
  for (; to < pieces.length; to += 1) {
    const piece = pieces[to]!;
    if (tokens + piece.tokens > size.target) break;
    if (piece.start - pieces[to - 1]!.end > maxGapCharacters) break;
    if (piece.isHeading && tokens >= size.minimum) break;
    // A block that does not fit here but would fit in one chunk is better left whole.
    const splitsBlock =
      tokens + piece.blockTokens > size.target && piece.blockTokens <= size.target;
    if (splitsBlock && tokens >= size.target / 2) break;
    tokens += piece.tokens;
  }
  if (to === pieces.length) return to;
  // A heading belongs to what follows it.
  let end = to;
  while (end > from + 1 && pieces[end - 1]!.isHeading) end -= 1;
  return pieces[end - 1]!.isHeading ? to : end;
}

function startOfNext(
  pieces: readonly PlacedPiece[],
  chunk: { from: number; to: number },
  size: ChunkSize,
): number {
  let start = chunk.to;
  const next = pieces[start]!;
  if (next.isHeading || next.tokens > size.target - size.overlap) return start;
  let tokens = 0;
  while (start - 1 > chunk.from) {
    const piece = pieces[start - 1]!;
    tokens += piece.tokens;
    const gap = pieces[start]!.start - piece.end;
    if (tokens > size.overlap || piece.isHeading || gap > maxGapCharacters) break;
    start -= 1;
  }
  return start;
}

function toChunk(
  text: string,
  pieces: readonly PlacedPiece[],
  { ordinal, title }: { ordinal: number; title: string },
): Chunk {
  const first = pieces[0]!;
  const last = pieces.at(-1)!;
  const charStart = first.start;
  const charEnd = last.end;
  const content = text.slice(charStart, charEnd);
  // A chunk that begins with its heading has it in its path, but not a second time in what is indexed.
  const { headingPath } = pieces.find((piece) => !piece.isHeading) ?? last;
  const above = first.headingPath.filter((heading) => heading !== title);
  const context = [title, ...above].filter((line) => line !== '').join('\n');
  return {
    ordinal,
    charStart,
    charEnd,
    content,
    headingPath,
    context,
    tokens: Math.round(pieces.reduce((sum, piece) => sum + piece.tokens, 0)),
    sha256: createHash('sha256').update(indexedText({ context, content })).digest('hex'),
  };
}
