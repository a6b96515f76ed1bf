import type { Block, BlockKind, ExtractedText } from './extract.js';

/**
 * The canonical text of Markdown is its source: offsets then point into the file as its author knows it, and a quote is
 * what stands there. So only the blocks are of interest, and a scan over the lines finds them. It follows CommonMark with
 * tables where that decides a boundary, and takes linear time on any input; micromark, tried first, took seconds for
 * 64 KB of short lines and overflowed the stack on 16 KB of `>`.
 */
export function extractMarkdown(text: string): ExtractedText {
  const blocks = scanBlocks(text);
  const title = blocks.find((block) => block.kind === 'heading' && block.level === 1)?.title;
  return title ? { text, title, blocks } : { text, blocks };
}

interface OpenBlock {
  kind: BlockKind;
  start: number;
  end: number;
}

const atxHeading = /^ {0,3}(#{1,6})(?:[ \t]|$)/;
const setextUnderline = /^ {0,3}(?:=+|-+)[ \t]*$/;
const thematicBreak = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const openingFence = /^ {0,3}(`{3,}|~{3,})/;
const listItem = /^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]/;
const indentedCode = /^(?: {4}|\t)/;
const tableDelimiter = /^[ \t|]*:?-+[-:| \t]*$/;

// Lines beyond this are looked at no further; none of the patterns above is right about such a line as a whole.
const longestMarker = 1_000;

function scanBlocks(text: string): Block[] {
  const blocks: Block[] = [];
  let open: OpenBlock | undefined;
  const close = () => {
    if (open) blocks.push(open);
    open = undefined;
  };

  for (let at = frontMatterEnd(text, blocks); at < text.length;) {
    const end = endOfLine(text, at);
    const line = startOfLine(text, at, end);
    const fence = openingFence.exec(line)?.[1];
    const level = atxHeading.exec(line)?.[1]?.length;
    let next = end + 1;

    if (isBlank(text, at, end)) {
      close();
    } else if (fence) {
      close();
      next = endOfFence(text, next, fence);
      blocks.push({ kind: 'code', start: at, end: Math.min(next, text.length) });
    } else if (level) {
      close();
      blocks.push(heading(text, { start: at, end }, level));
    } else if (open?.kind === 'paragraph' && setextUnderline.test(line)) {
      blocks.push(heading(text, { start: open.start, end }, line.includes('=') ? 1 : 2));
      open = undefined;
    } else if (thematicBreak.test(line)) {
      close();
    } else {
      const kind = kindOfLine(text, { line, next, open });
      if (open?.kind !== kind) close();
      open ??= { kind, start: at, end };
      open.end = end;
    }
    at = next;
  }
  close();
  return blocks;
}

function kindOfLine(
  text: string,
  at: { line: string; next: number; open: OpenBlock | undefined },
): BlockKind {
  if (listItem.test(at.line)) return 'list';
  if (at.open)
    return at.open.kind === 'paragraph' && startsTable(text, at) ? 'table' : at.open.kind;
  if (indentedCode.test(at.line)) return 'code';
  return startsTable(text, at) ? 'table' : 'paragraph';
}

function startsTable(text: string, at: { line: string; next: number }): boolean {
  if (!at.line.includes('|') || at.next >= text.length) return false;
  const following = text.slice(
    at.next,
    Math.min(endOfLine(text, at.next), at.next + longestMarker),
  );
  return tableDelimiter.test(following);
}

function heading(text: string, range: { start: number; end: number }, level: number): Block {
  const title = text
    .slice(range.start, Math.min(range.end, range.start + longestMarker))
    .replace(/^ {0,3}#{1,6}(?=[ \t]|$)|[ \t]+#+[ \t]*$|\n[ \t]*(?:=+|-+)[ \t]*$/g, '')
    .replace(/!?\[([^\]\n]*)\]\([^)\n]*\)/g, '$1')
    .replace(/[*`]+/g, '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 200);
  return { kind: 'heading', level, title, ...range };
}

/** Front matter would read as a heading; it is kept, as code, because its values are worth finding. */
function frontMatterEnd(text: string, blocks: Block[]): number {
  if (!text.startsWith('---\n')) return 0;
  const end = text.indexOf('\n---\n', 3);
  if (end === -1) return 0;
  if (end > 4) blocks.push({ kind: 'code', start: 4, end });
  return end + '\n---\n'.length;
}

function endOfFence(text: string, from: number, fence: string): number {
  const closing = new RegExp(`^ {0,3}${fence[0]}{${fence.length},1000}[ \\t]*$`);
  for (let at = from; at < text.length;) {
    const end = endOfLine(text, at);
    if (closing.test(startOfLine(text, at, end))) return end;
    at = end + 1;
  }
  return text.length;
}

function endOfLine(text: string, at: number): number {
  const newline = text.indexOf('\n', at);
  return newline === -1 ? text.length : newline;
}

/** The line, or so much of it that its kind can be told: the ellipsis keeps it from matching as a whole. */
function startOfLine(text: string, at: number, end: number): string {
  return end - at <= longestMarker ? text.slice(at, end) : `${text.slice(at, at + longestMarker)}…`;
}

function isBlank(text: string, start: number, end: number): boolean {
  return text.slice(start, end).trim() === '';
}
