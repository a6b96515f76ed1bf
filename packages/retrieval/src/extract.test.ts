import { describe, expect, test } from 'vitest';
import { extractText, maxCharacters, type ExtractedText } from './extract.js';
import { UnreadableDocument } from './unreadable-document.js';

const bytes = (text: string) => Buffer.from(text, 'utf8');
const parts = ({ text, blocks }: ExtractedText) =>
  blocks.map(({ kind, start, end }) => [kind, text.slice(start, end)]);

function failureOf(run: () => unknown) {
  try {
    run();
  } catch (error) {
    return error instanceof UnreadableDocument ? error.code : error;
  }
  return 'no failure';
}

describe('any text', () => {
  test('loses what is invisible or turns text around, and keeps what can be seen', () => {
    const { text } = extractText(
      bytes('\ufeffa\u200bb\u202ec\u2066d\u0000e\u00adf\u{e0041}g\u001bh\tí €漢👍'),
      'text/plain',
    );

    expect(text).toBe('abcdefgh\tí €漢👍');
  });

  test('has one kind of line end', () => {
    expect(extractText(bytes('a\r\nb\rc\u2028d\fe'), 'text/plain').text).toBe('a\nb\nc\nd\ne');
  });

  test.each([
    ['a Latin-1 byte', Buffer.from([0x66, 0xfc, 0x72])],
    ['UTF-16', Buffer.from('\ufefftext', 'utf16le')],
    ['half a character', bytes('漢').subarray(0, 2)],
    ['an encoded surrogate', Buffer.from([0xed, 0xa0, 0x80])],
  ])('is refused as corrupt for %s', (_, content) => {
    expect(failureOf(() => extractText(content, 'text/plain'))).toBe('corrupt');
  });

  test.each([
    ['no byte', 'text/plain', ''],
    ['whitespace', 'text/markdown', ' \n\t\n'],
    ['zero-width spaces', 'text/plain', '\u200b\u200b'],
    ['mark-up around nothing', 'text/html', '<p> </p><script>alert(1)</script>'],
  ] as const)('is refused as empty for %s', (_, contentType, content) => {
    expect(failureOf(() => extractText(bytes(content), contentType))).toBe('empty');
  });

  test('is refused as too large beyond the limit', () => {
    const content = Buffer.alloc(maxCharacters + 1, 'a');

    expect(failureOf(() => extractText(content, 'text/plain'))).toBe('too_large');
  });
});

describe('plain text', () => {
  test('has paragraphs between its empty lines', () => {
    const extracted = extractText(bytes('\none\ntwo\n\n \nthree\n'), 'text/plain');

    expect(parts(extracted)).toEqual([
      ['paragraph', 'one\ntwo'],
      ['paragraph', 'three'],
    ]);
  });
});

describe('Markdown', () => {
  test('keeps its source and finds its blocks', () => {
    const source = [
      '# The `guide` to [things](https://example.org)',
      '',
      'A paragraph',
      'of two lines.',
      '- one',
      '- two',
      '  more',
      '',
      'Second',
      '------',
      '```js',
      '# not a heading',
      '```',
      '| a | b |',
      '|---|---|',
      '| 1 | 2 |',
      '',
      '***',
      '### Third ###',
      '    indented code',
    ].join('\n');

    const extracted = extractText(bytes(source), 'text/markdown');

    expect(extracted.text).toBe(source);
    expect(extracted.title).toBe('The guide to things');
    expect(parts(extracted)).toEqual([
      ['heading', '# The `guide` to [things](https://example.org)'],
      ['paragraph', 'A paragraph\nof two lines.'],
      ['list', '- one\n- two\n  more'],
      ['heading', 'Second\n------'],
      ['code', '```js\n# not a heading\n```'],
      ['table', '| a | b |\n|---|---|\n| 1 | 2 |'],
      ['heading', '### Third ###'],
      ['code', '    indented code'],
    ]);
    expect(extracted.blocks.filter(({ kind }) => kind === 'heading')).toMatchObject([
      { level: 1, title: 'The guide to things' },
      { level: 2, title: 'Second' },
      { level: 3, title: 'Third' },
    ]);
  });

  test('does not take front matter for a heading', () => {
    const extracted = extractText(bytes('---\ntitle: x\n---\n# Real\n'), 'text/markdown');

    expect(extracted.title).toBe('Real');
    expect(parts(extracted)[0]).toEqual(['code', 'title: x']);
  });

  test('lets a fence that nobody closed run to the end', () => {
    const extracted = extractText(bytes('~~~\n# a\n```\nb'), 'text/markdown');

    expect(parts(extracted)).toEqual([['code', '~~~\n# a\n```\nb']]);
  });
});

describe('HTML', () => {
  test('becomes what a reader sees, block by block', () => {
    const extracted = extractText(
      bytes(`<!doctype html><html><head><title> The
          page </title><style>p{}</style></head><body>
        <h1>Big <em>news</em></h1>
        <p>One   two<br>three &amp; four&nbsp;five</p>
        <ul><li>first<li>second <b>bold</b></ul>
        <pre>  if (a)\n    b();\n</pre>
        <table><tr><th>k</th><th>v</th></tr><tr><td>a</td><td><p>1</p></td></tr></table>
        loose text</body></html>`),
      'text/html',
    );

    expect(extracted.title).toBe('The page');
    expect(parts(extracted)).toEqual([
      ['heading', 'Big news'],
      ['paragraph', 'One two\nthree & four five'],
      ['list', '- first\n- second bold'],
      ['code', '  if (a)\n    b();'],
      ['table', 'k | v\na | 1'],
      ['paragraph', 'loose text'],
    ]);
  });

  test('leaves out what is not shown', () => {
    const { text } = extractText(
      bytes(`<p>seen</p><script>bad()</script><style>x</style><noscript>n</noscript><template>t</template>
        <p hidden>h</p><p style="display: NONE">d</p><p style="visibility:hidden">v</p>
        <div aria-hidden="true">a</div><iframe>i</iframe><svg><text>s</text></svg><textarea>f</textarea>
        <!-- comment --><p>a&#x200b;b&#x202e;c&#0;</p>`),
      'text/html',
    );

    expect(text.replace('\ufffd', '')).toBe('seen\n\nabc');
  });

  test('is refused when it is nested beyond reason', () => {
    const nested = '<div>'.repeat(200_000);

    expect(failureOf(() => extractText(bytes(nested), 'text/html'))).toBe('corrupt');
  });
});

const million = (unit: string) => unit.repeat(1_000_000 / unit.length);

// A quadratic step would take minutes here, where a linear one takes well under a second.
describe('hostile input of a million characters', () => {
  test.each([
    ['one word', million('a')],
    ['quotes', million('>')],
    ['list markers', million('- ')],
    ['headings', million('# a\n')],
    ['table rows', million('|x|y|\n')],
    ['open brackets', million('[')],
    ['fences', million('```\n')],
    ['dashes', million('-')],
    ['stars and blanks', `${million('* ')}x`],
    ['blank lines', `${million('\n')}x`],
  ])('takes Markdown made of %s', (_, source) => {
    const { text, blocks } = extractText(bytes(source), 'text/markdown');

    expect(text).toHaveLength(source.length);
    expect(blocks.length).toBeGreaterThan(0);
  });

  test.each([
    ['paragraphs', million('<p>a')],
    ['inline elements', million('<i>a</i>')],
    ['line breaks', `x${million('<br>')}`],
    ['table cells', `<table><tr>${million('<td>a')}`],
    ['blanks', `<p>a${million(' ')}b`],
  ])('takes HTML made of %s', (_, source) => {
    expect(extractText(bytes(source), 'text/html').blocks.length).toBeGreaterThan(0);
  });
});
