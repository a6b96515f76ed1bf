import { stem } from './searchable-text.js';

/** `text` is the canonical text between the offsets, unchanged. */
export interface Snippet {
  readonly text: string;
  readonly charStart: number;
  readonly charEnd: number;
}

const maxCharacters = 280;
// How far before the first match a snippet may begin, to begin with its sentence.
const leadCharacters = 80;

/** The part of a chunk with the most different query words in it. Cut at words, never through a surrogate pair. */
export function cutSnippet(
  chunk: { readonly content: string; readonly charStart: number },
  queryWords: readonly string[],
): Snippet {
  const { content } = chunk;
  const wanted = new Set(queryWords.map(stem));
  const matches = findMatches(content, wanted);
  const first = densestMatch(matches);
  const start = first === undefined ? 0 : startBefore(content, first);
  const end = endWithin(content, start);
  return {
    text: content.slice(start, end),
    charStart: chunk.charStart + start,
    charEnd: chunk.charStart + end,
  };
}

interface Match {
  readonly start: number;
  readonly end: number;
  readonly stem: string;
}

function findMatches(content: string, wanted: ReadonlySet<string>): Match[] {
  const matches: Match[] = [];
  for (const word of content.matchAll(/[\p{L}\p{N}\p{M}]+/gu)) {
    const stemmed = stem(word[0].normalize('NFKC').toLowerCase());
    if (wanted.has(stemmed)) {
      matches.push({ start: word.index, end: word.index + word[0].length, stem: stemmed });
    }
  }
  return matches;
}

/** Where the window begins that covers the most different stems; the first of equals. */
function densestMatch(matches: readonly Match[]): number | undefined {
  let best: { start: number; stems: number } | undefined;
  matches.forEach((match, index) => {
    const stems = new Set<string>();
    for (let i = index; i < matches.length; i += 1) {
      if (matches[i]!.end - match.start > maxCharacters - leadCharacters) break;
      stems.add(matches[i]!.stem);
    }
    if (!best || stems.size > best.stems) best = { start: match.start, stems: stems.size };
  });
  return best?.start;
}

function startBefore(content: string, match: number): number {
  const from = Math.max(0, match - leadCharacters);
  if (from === 0) return 0;
  const lead = content.slice(from, match);
  const sentence = /^[\s\S]*[.!?。！？]\s+|^[\s\S]*\n\s*/u.exec(lead);
  const word = /^\S*\s+/u.exec(lead);
  return sentence ? from + sentence[0].length : word ? from + word[0].length : match;
}

function endWithin(content: string, start: number): number {
  const limit = start + maxCharacters;
  if (limit >= content.length) return content.length;
  const cut = content.slice(start, limit + 1).search(/\s+\S*$/u);
  if (cut > maxCharacters / 2) return start + cut;
  return isSurrogatePair(content, limit) ? limit - 1 : limit;
}

function isSurrogatePair(content: string, at: number): boolean {
  return /^[\ud800-\udbff][\udc00-\udfff]$/.test(content.slice(at - 1, at + 1));
}
