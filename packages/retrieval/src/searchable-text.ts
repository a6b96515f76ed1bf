import { stemmer } from 'stemmer';

// The list of Postgres' `english` configuration, so that both legs of a search ignore the same words.
const stopWords = new Set(
  `i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it its
  itself they them their theirs themselves what which who whom this that these those am is are was were be been being have
  has had having do does did doing a an the and but if or because as until while of at by for with about against between
  into through during before after above below to from up down in out on off over under again further then once here there
  when where why how all any both each few more most other some such no nor not only own same so than too very s t can will
  just don should now`.split(/\s+/),
);

// Written without spaces between words: pairs of characters are what can be looked up.
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]+/gu;

/**
 * Text as both sides of a search see it: one spelling per character (NFKC), lower case, no mark-up brackets or slashes
 * (Postgres would take `<string>` for a tag and a path for one word), runs without spaces as overlapping pairs.
 */
export function searchableText(text: string): string {
  return text
    .replace(/[\0\p{Cs}]/gu, ' ')
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[<>/\\_]/g, ' ')
    .replace(unspaced, (run) => ` ${pairs(Array.from(run)).join(' ')} `);
}

/** The words of a searchable text that carry meaning, in order, with repeats. */
export function contentWords(searchable: string): string[] {
  const words = searchable.match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
  return words.filter((word) => !stopWords.has(word));
}

const stems = new Map<string, string>();
const maxCachedStems = 50_000;

/** Porter's stem of a lower-case word. */
export function stem(word: string): string {
  let found = stems.get(word);
  if (found === undefined) {
    if (stems.size >= maxCachedStems) stems.clear();
    found = word.length > 64 ? word : stemmer(word);
    stems.set(word, found);
  }
  return found;
}

function pairs(characters: string[]): string[] {
  if (characters.length < 3) return [characters.join('')];
  return characters.slice(1).map((character, index) => `${characters[index]}${character}`);
}
