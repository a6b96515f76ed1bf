// k6 runs this file too, as it is: it imports nothing.

const beginnings =
  'b br c ch cl d dr f fl g gr h j k l m n p pl pr qu r s sh sp st t th tr v w'.split(' ');
const middles = 'a e i o u ai ea ie oa ou'.split(' ');
const endings = 'd k l m n nd ng nt r rd rm rn s st t th x ck ll ss'.split(' ');
const glue =
  'the of and to in a is that for it with as on by this be are from at or an which not was but has can'.split(
    ' ',
  );

export const labels =
  'backend billing customer design docs infra legal mobile onboarding research security web'.split(
    ' ',
  );
export const topics =
  'ledger invoice cluster tenant gateway vector harbour orchard glacier reactor'.split(' ');

const vocabularySize = 20_000;

/** The nth word of a made-up language: always the same, pronounceable, two or three syllables. */
export function word(rank: number): string {
  let rest = Math.floor(rank) % vocabularySize;
  let text = '';
  for (let syllable = 0; syllable < 2 || rest > 0; syllable++) {
    text += beginnings[rest % beginnings.length]!;
    rest = Math.floor(rest / beginnings.length);
    text += middles[rest % middles.length]!;
    rest = Math.floor(rest / middles.length);
  }
  return text + endings[(rank * 7) % endings.length]!;
}

/**
 * A word as language has them: few are frequent, most are rare. Log-uniform in the rank is what Zipf's law says, so
 * posting lists get the lengths that they have with real text.
 */
export function drawWord(random: () => number): string {
  return word(Math.pow(vocabularySize, random()) - 1);
}

export function sentence(random: () => number, words: number): string {
  const parts = Array.from({ length: words }, () =>
    random() < 0.4 ? glue[Math.floor(random() * glue.length)]! : drawWord(random),
  );
  const text = parts.join(' ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

export function paragraph(random: () => number, sentences: number): string {
  const parts = Array.from({ length: sentences }, () =>
    sentence(random, 8 + Math.floor(random() * 14)),
  );
  return parts.join(' ');
}

/** A Markdown document of so many sections, each about one chunk long. */
export function markdown(random: () => number, title: string, sections: number): string {
  const parts = Array.from({ length: sections }, (_, index) => {
    const heading = `## ${index + 1}. ${sentence(random, 3)}`;
    return [heading, paragraph(random, 8), paragraph(random, 8)].join('\n\n');
  });
  return [`# ${title}`, ...parts].join('\n\n');
}

/** What a person types into a search box: two to four words, mostly rare ones. */
export function searchText(random: () => number): string {
  const words = Array.from({ length: 2 + Math.floor(random() * 3) }, () => drawWord(random));
  return words.join(' ');
}
