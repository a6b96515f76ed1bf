import type { Block, ExtractedText } from './extract.js';

/** Paragraphs are what stands between empty lines. */
export function extractPlain(text: string): ExtractedText {
  return { text, blocks: paragraphs(text) };
}

function paragraphs(text: string): Block[] {
  const blocks: Block[] = [];
  let open: { start: number; end: number } | undefined;
  for (let at = 0; at < text.length;) {
    const newline = text.indexOf('\n', at);
    const end = newline === -1 ? text.length : newline;
    if (text.slice(at, end).trim() !== '') {
      if (open) open.end = end;
      else open = { start: at, end };
    } else if (open) {
      blocks.push({ kind: 'paragraph', ...open });
      open = undefined;
    }
    at = end + 1;
  }
  if (open) blocks.push({ kind: 'paragraph', ...open });
  return blocks;
}
