import { escapeHtml } from './chart.js';
import type { Table } from './figures.js';

const style = `
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5a6678; --paper: #fff; --line: #dde3ea; --good: #0a7d4b; --bad: #c2342b; --dull: #8a6100 }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9f0; --soft: #98a4b5; --paper: #12161c; --line: #2b333e; --good: #4cc38a; --bad: #ff7a70; --dull: #e2b04a } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 960px; padding: 2rem 1rem 4rem; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.05rem; margin: 2.2rem 0 .5rem }
p.purpose { color: var(--soft); margin: .2rem 0 1rem }
.verdict { display: inline-block; padding: .3rem .8rem; border-radius: .4rem; border: 1px solid; font-weight: 600 }
.pass, .met, .yes { color: var(--good) } .fail, .missed, .no { color: var(--bad) } .invalid, .unknown { color: var(--dull) }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap }
th { color: var(--soft); font-weight: 500; font-size: .85rem } .w { text-align: left; white-space: normal } .w:nth-child(2):not(:last-child) { min-width: 15rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0 } dt { color: var(--soft) } dd { margin: 0 }
figure { margin: 1.5rem 0 0 } figcaption { font-weight: 600 } small { color: var(--soft); font-weight: 400 }
svg { width: 100%; height: auto; display: block } svg text { fill: var(--soft); font-size: 11px }
.grid { stroke: var(--line) } .mark { stroke: var(--soft); stroke-dasharray: 2 4 } line.limit { stroke: var(--bad); stroke-dasharray: 6 4 } text.limit { fill: var(--bad) }
polyline { fill: none; stroke-width: 1.8; stroke-linejoin: round }
.legend { margin: 0; color: var(--soft); font-size: .85rem } .legend span { margin-right: 1.2rem } .legend i { display: inline-block; width: .8rem; height: .2rem; margin-right: .35rem; vertical-align: middle }
${['#2f6fde', '#e07b1f', '#0d9488', '#b83280', '#7a5af8', '#65a30d', '#8b5e34', '#64748b']
  .map(
    (colour, index) =>
      `polyline.s${index} { stroke: ${colour} } circle.s${index} { fill: ${colour} } i.s${index} { background: ${colour} }`,
  )
  .join('\n')}
`;

/** A page in one file: it opens with no network, from a disk or a build artefact. */
export function page(title: string, body: readonly string[]): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title><style>${style}</style></head>
<body>
${body.join('\n')}
</body></html>
`;
}

export function tableHtml({ title, head, rows, words }: Table): string {
  const cell = (tag: 'th' | 'td', text: string, column: number) => {
    const classes = [words.includes(column) ? 'w' : '', stateClass(text)].filter(Boolean).join(' ');
    return `<${tag}${classes === '' ? '' : ` class="${classes}"`}>${escapeHtml(text)}</${tag}>`;
  };
  const line = (tag: 'th' | 'td', cells: readonly string[]) =>
    `<tr>${cells.map((text, column) => cell(tag, text, column)).join('')}</tr>`;
  return `<h2>${escapeHtml(title)}</h2><div class="scroll"><table>
<thead>${line('th', head)}</thead>
<tbody>${rows.map((row) => line('td', row)).join('\n')}</tbody></table></div>`;
}

export function definitions(title: string, rows: readonly (readonly [string, string])[]): string {
  const items = rows.map(
    ([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`,
  );
  return `<h2>${escapeHtml(title)}</h2><dl>${items.join('')}</dl>`;
}

function stateClass(text: string): string {
  const states: Record<string, string> = {
    met: 'met',
    MISSED: 'missed',
    pass: 'pass',
    FAIL: 'fail',
    yes: 'yes',
    no: 'no',
    NO: 'no',
    '?': 'unknown',
    'not measured': 'unknown',
  };
  return states[text] ?? '';
}
