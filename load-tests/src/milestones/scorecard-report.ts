import { escapeHtml } from '../chart.js';
import { definitions, page, tableHtml } from '../page.js';
import { milestoneTitles, type Entry, type Scorecard, type State } from './scorecard.js';
import type { Milestone } from './probe.js';

const words: Readonly<Record<State, string>> = { pass: 'pass', fail: 'FAIL', unknown: '?' };
const numbers: readonly Milestone[] = [1, 2, 3];

export function entryText({ state, item, measured }: Entry): string {
  return `  ${words[state].padEnd(4)}  ${item}\n          ${measured}`;
}

export function proofText({ proofs }: Entry): string {
  return proofs
    .map(({ path, state, tests }) => {
      if (state === 'passed') return tests > 0 ? `${path} (${tests} passed)` : path;
      return `${path} (${state})`;
    })
    .join(', ');
}

/** For a terminal: the entries by milestone, each with what proves it. */
export function scorecardText(card: Scorecard): string {
  const parts = numbers.map((milestone) => {
    const entries = card.entries.filter((entry) => entry.milestone === milestone);
    const lines = entries.map((entry) => {
      const proof = proofText(entry);
      return proof === '' ? entryText(entry) : `${entryText(entry)}\n          ${proof}`;
    });
    return [
      `Milestone ${milestone}: ${milestoneTitles[milestone]}  ${tally(entries)}`,
      ...lines,
    ].join('\n');
  });
  return [...parts, `In all: ${tally(card.entries)}`].join('\n\n');
}

export function scorecardHtml(card: Scorecard): string {
  const { environment: e } = card;
  const failed = card.entries.some(({ state }) => state === 'fail');
  const tables = numbers.map((milestone) => {
    const entries = card.entries.filter((entry) => entry.milestone === milestone);
    return tableHtml({
      title: `${milestone}. ${milestoneTitles[milestone]}: ${tally(entries)}`,
      head: ['', 'item', 'measured', 'proved by'],
      words: [0, 1, 2, 3],
      rows: entries.map((entry) => [
        words[entry.state],
        entry.item,
        entry.measured,
        proofText(entry),
      ]),
    });
  });
  return page(`Milestones ${card.startedAt}`, [
    '<h1>Milestones</h1><p class="purpose">What the roadmap asks for, what was measured, and what proves it.</p>',
    `<p class="verdict ${failed ? 'fail' : 'pass'}">${escapeHtml(tally(card.entries))}</p>`,
    ...tables,
    definitions('Environment', [
      ['started', card.startedAt],
      ['target', e.target],
      ['commit', e.dirty ? `${e.commit}, with changes that are not committed` : e.commit],
      ['machine', `${e.cpu}, ${e.cores} cores, ${e.memoryGiB} GiB, ${e.kernel}`],
      ['generator', `k6 ${e.k6}, ${e.generator}`],
      ['replicas', e.replicas],
    ]),
  ]);
}

function tally(entries: readonly Entry[]): string {
  const count = (state: State) => entries.filter((entry) => entry.state === state).length;
  const unknown = count('unknown') > 0 ? `, ${count('unknown')} not measured` : '';
  return `${count('pass')} of ${entries.length} pass, ${count('fail')} fail${unknown}`;
}
