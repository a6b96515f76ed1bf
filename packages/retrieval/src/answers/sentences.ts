export interface Sentence {
  /** UTF-16 offsets; without surrounding whitespace and the marks of a list, heading, quotation or table. */
  readonly start: number;
  readonly end: number;
  readonly isHeading: boolean;
}

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });
// A blank line, or a line that begins an item, a heading, a table row, a quotation or a fence.
const blockEnd = /\n[^\S\n]*(?=\n)|\n(?=[^\S\n]*(?:[-*+•]\s|\d{1,3}[.)]\s|#{1,6}\s|[|>]|```|~~~))/g;
const heading = /^\s*#{1,6}\s+[^\n]*/;
const marks = /^\s*(?:(?:[-*+•>|]|\d{1,3}[.)]|#{1,6})\s+)*/;
const fence = /^\s*(?:```|~~~)[^\n]*/;
const maxCharacters = 600;

/**
 * The sentences of Markdown or plain text, in order. A line end inside a paragraph ends no sentence; fenced code has none.
 */
export function sentencesOf(text: string): Sentence[] {
  let isCode = false;
  return blocksOf(text).flatMap(({ start, end }) => {
    const block = text.slice(start, end);
    if (fence.test(block)) isCode = !isCode;
    if (isCode) return [];
    const title = heading.exec(block)?.[0] ?? '';
    const body = start + (title || (fence.exec(block)?.[0] ?? '')).length;
    return [
      ...(title ? [trim(text, { start, end: body, isHeading: true })] : []),
      ...split(text.slice(body, end)).map((span) =>
        trim(text, { start: body + span.start, end: body + span.end, isHeading: false }),
      ),
    ].filter((sentence) => /[\p{L}\p{N}]/u.test(text.slice(sentence.start, sentence.end)));
  });
}

function blocksOf(text: string): { start: number; end: number }[] {
  const ends = [...text.matchAll(blockEnd)].map(({ index }) => index);
  return [...ends, text.length].map((end, place) => ({ start: ends[place - 1] ?? 0, end }));
}

function split(block: string): { start: number; end: number }[] {
  // To the segmenter a line end is the end of a sentence; to whoever wraps their paragraphs it is not.
  const oneLine = block.replace(/\s/g, ' ');
  return Array.from(segmenter.segment(oneLine), ({ index, segment }) => ({
    start: index,
    end: index + segment.length,
  }));
}

function trim(text: string, { start, end, isHeading }: Sentence): Sentence {
  const from = start + marks.exec(text.slice(start, end))![0].length;
  let to = from + text.slice(from, end).replace(/[\s|]+$/, '').length;
  if (to - from > maxCharacters) {
    const cut = text.slice(from, from + maxCharacters).search(/\s\S*$/);
    to = from + (cut > 0 ? cut : maxCharacters - 1);
  }
  return { start: from, end: to, isHeading };
}
