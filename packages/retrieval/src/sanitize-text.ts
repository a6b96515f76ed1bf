// Characters that carry no visible meaning but can hide text from people or turn it around before their eyes: joiners,
// zero-width spaces, bidirectional controls, variation selectors, tags (all Default_Ignorable), interlinear annotation,
// and the controls except tab and newline. Postgres takes neither NUL nor half a surrogate pair.
const unwanted = /(?![\t\n])[\p{Cc}\p{Cs}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/gu;

/** Text as it is kept: one kind of line end, nothing invisible. Emoji sequences lose their joiners, not their parts. */
export function sanitizeText(text: string): string {
  return text.replace(/\r\n?|[\v\f\x85\u2028\u2029]/g, '\n').replace(unwanted, '');
}
