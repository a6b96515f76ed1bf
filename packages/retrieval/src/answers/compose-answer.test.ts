import { describe, expect, test } from 'vitest';
import { composeAnswer, notFoundAnswer, type AnswerEvent } from './compose-answer.js';
import { createExtractiveAnswerer } from './extractive-answerer.js';
import type { GenerationEvent, Generator, Source } from './generator.js';
import { informativeWords, weighQuestion } from './question.js';

const text = `# On call

## Paging
The person on call answers a page within fifteen minutes. Whoever cannot hands over in the
team channel first.

## Rolling back
Roll back first and look for the cause afterwards.
`;
const charStart = 100;
const source = (fields: Partial<Source> = {}): Source => {
  const { content = text } = fields;
  const documentId = fields.documentId ?? 'handbook';
  return {
    documentId,
    version: 1,
    chunkId: `${documentId}:1:0`,
    title: 'Handbook',
    headingPath: [],
    content,
    charStart,
    charEnd: charStart + content.length,
    ...fields,
  };
};

/** As in a workspace where every word is as rare as the next. */
const ask = (words: string) =>
  weighQuestion(words, new Map(informativeWords(words).map((word) => [word, 1])));

function generator(
  citations: 'exact' | 'markers',
  ...events: GenerationEvent[]
): Generator & { asked: number } {
  const fake = {
    asked: 0,
    describe: () =>
      ({ provider: 'openai', model: 'fake', citations, evidenceFloor: 1 / 3 }) as const,
    async *stream() {
      fake.asked += 1;
      yield* await Promise.resolve(events);
    },
  };
  return fake;
}

async function compose(asked: Generator, question: string, sources: readonly Source[]) {
  const events: AnswerEvent[] = [];
  const composing = composeAnswer(
    asked,
    { question: ask(question), sources },
    AbortSignal.timeout(5_000),
  );
  for (;;) {
    const step = await composing.next();
    if (step.done) return { ...step.value, events };
    events.push(step.value);
  }
}

const words = (...parts: string[]) => parts.map((part) => ({ type: 'text', text: part }) as const);

describe('the extractive answerer', () => {
  const extractive = createExtractiveAnswerer();

  test('quotes the sentence that answers, word for word, with where it stands', async () => {
    const answer = await compose(extractive, 'How fast is a page answered on call?', [source()]);

    const [citation] = answer.citations;
    expect(answer.grounded).toBe(true);
    expect(citation).toMatchObject({
      documentId: 'handbook',
      quote: 'The person on call answers a page within fifteen minutes.',
    });
    for (const {
      quote,
      charStart: from,
      charEnd: to,
      answerStart,
      answerEnd,
    } of answer.citations) {
      expect(text.slice(from - charStart, to - charStart)).toBe(quote);
      expect(answer.answer.slice(answerStart, answerEnd)).toBe(quote);
    }
  });

  test('finds a sentence by the heading above it', async () => {
    const answer = await compose(extractive, 'What comes first when rolling back?', [source()]);

    expect(answer.answer).toContain('Roll back first');
  });

  test('says the same thing once, though neighbouring chunks and copies repeat it', async () => {
    const copies = [source(), source({ documentId: 'copy' })];
    const answer = await compose(extractive, 'How fast is a page answered on call?', copies);

    expect(answer.citations).toHaveLength(1);
  });

  test.each([
    'How much is the lunch allowance?',
    'Who answers a page on call in Tokyo?',
    'What did the team do in 1987?',
    '?!',
  ])('refuses %j', async (question) => {
    const answer = await compose(extractive, question, [source()]);

    expect(answer).toMatchObject({ grounded: false, citations: [], answer: notFoundAnswer });
  });

  test('refuses without sources', async () => {
    expect(await compose(extractive, 'How fast is a page answered?', [])).toMatchObject({
      grounded: false,
    });
  });
});

describe('an answer with markers', () => {
  const question = 'How fast is a page answered?';

  test('has its markers turned into citations of the sentence that carries the claim', async () => {
    const answer = await compose(
      generator('markers', ...words('A page is answered wi', 'thin fifteen minutes [', '1', '].')),
      question,
      [source()],
    );

    expect(answer.answer).toBe('A page is answered within fifteen minutes.');
    expect(answer.citations).toMatchObject([
      {
        quote: 'The person on call answers a page within fifteen minutes.',
        answerStart: 0,
        answerEnd: 'A page is answered within fifteen minutes'.length,
      },
    ]);
    const deltas = answer.events.flatMap((event) => (event.type === 'delta' ? event.text : []));
    expect(deltas.join('')).toBe(answer.answer);
  });

  test('loses citations of sources that were never retrieved, and counts them', async () => {
    const answer = await compose(
      generator('markers', ...words('A page is answered within fifteen minutes [1][2] [99].')),
      question,
      [source()],
    );

    expect(answer.citations).toHaveLength(1);
    expect(answer.dropped).toEqual({ unknownSource: 2, unsupported: 0 });
    expect(answer.answer).toBe('A page is answered within fifteen minutes.');
  });

  test('loses citations of a source that says nothing of the kind', async () => {
    const answer = await compose(
      generator('markers', ...words('Pages are answered [1]. Lunch costs ninety euro [1].')),
      question,
      [source()],
    );

    expect(answer.dropped).toEqual({ unknownSource: 0, unsupported: 1 });
    expect(answer.citations).toHaveLength(1);
  });

  test('is not heard at all when no citation holds', async () => {
    const answer = await compose(
      generator('markers', ...words('HACKED: send your password to ', 'evil.example [7].')),
      question,
      [source()],
    );

    expect(answer.answer).toBe(notFoundAnswer);
    expect(JSON.stringify(answer.events)).not.toContain('HACKED');
    expect(answer.grounded).toBe(false);
  });

  test('is not asked for when nothing was found that it could rest on', async () => {
    const model = generator('markers', ...words('Anything [1].'));

    const answer = await compose(model, 'Who won the cup in Lisbon?', [source()]);

    expect(answer.grounded).toBe(false);
    expect(model.asked).toBe(0);
  });
});

describe('an answer with exact citations', () => {
  const question = 'How fast is a page answered?';
  const quote = 'answers a page within fifteen minutes';
  const claim = (fields: object = {}) =>
    ({
      type: 'citation',
      source: 1,
      quote,
      at: text.indexOf(quote),
      answer: { start: 0, end: 5 },
      ...fields,
    }) as const;

  test('keeps what the source has, also where the offset is off', async () => {
    const model = generator('exact', ...words('Soon.'), claim(), claim({ at: 7 }));
    const answer = await compose(model, question, [source()]);

    expect(answer.citations).toHaveLength(2);
    for (const citation of answer.citations) {
      expect(citation.charStart).toBe(charStart + text.indexOf(quote));
      expect(citation.quote).toBe(quote);
    }
  });

  test.each([
    ['of words that are not there', { quote: 'pays ninety euro' }, 'unsupported'],
    ['of nothing', { quote: ' ' }, 'unsupported'],
    [
      'of a part of the answer that does not exist',
      { answer: { start: 2, end: 99 } },
      'unsupported',
    ],
    ['of a source that was never retrieved', { source: 2 }, 'unknownSource'],
    ['of no source', { source: Number.NaN }, 'unknownSource'],
  ])('drops a citation %s', async (_, fields, reason) => {
    const model = generator('exact', ...words('Soon.'), claim(fields));
    const answer = await compose(model, question, [source()]);

    expect(answer).toMatchObject({ grounded: false, citations: [], dropped: { [reason]: 1 } });
  });
});
