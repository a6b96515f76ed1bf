import type { Alert, AlertTrial, FaultySeries } from '../src/alerts.js';

/** Where the files of `rules` lie, seen from the trials. */
export interface TrialFile {
  readonly rule_files: readonly string[];
  readonly evaluation_interval: string;
  readonly tests: readonly object[];
}

/** What promtool is asked about one alert: it fires and ends, and a blip passes it by. JSON is YAML, too. */
export function trialOf(
  alert: Alert & { readonly trial: AlertTrial },
  ruleFiles: readonly string[],
): TrialFile {
  const { trial } = alert;
  const { step, before, steps, blip, after } = trial;
  const blipTest = {
    name: `${alert.name} does not fire on a blip`,
    interval: step,
    input_series: inputs(trial, blip),
    promql_expr_test: range(before + blip + after, 4).map((at) => expectation(alert, step, at, 0)),
  };
  return {
    rule_files: ruleFiles,
    evaluation_interval: step,
    tests: [
      {
        name: `${alert.name} fires and resolves`,
        interval: step,
        input_series: inputs(trial, steps),
        promql_expr_test: [
          expectation(alert, step, before - 1, 0),
          expectation(alert, step, before + steps - 1, 1),
          expectation(alert, step, before + steps + after - 1, 0),
        ],
      },
      ...(blip > 0 ? [blipTest] : []),
    ],
  };
}

function expectation({ name }: Alert, step: string, at: number, value: number) {
  return {
    expr: `(count(ALERTS{alertname="${name}",alertstate="firing"}) > bool 0) or vector(0)`,
    eval_time: `${at * secondsOf(step)}s`,
    exp_samples: [{ labels: '{}', value }],
  };
}

function inputs({ series, before, after }: AlertTrial, faultSteps: number) {
  return series.map((one) => ({
    series: one.series,
    values: values(one, [
      [before, one.healthy],
      [faultSteps, one.faulty],
      [after, one.healthy],
    ]),
  }));
}

/** A gauge holds its value; a counter grows by it each step. */
function values({ kind }: FaultySeries, phases: [steps: number, value: number | null][]): string {
  let total = 0;
  const samples = phases.flatMap(([steps, value]) =>
    Array.from({ length: steps }, (_, step) => {
      if (value === null) return step === 0 ? 'stale' : '_';
      if (kind === 'gauge') return String(value);
      total += value;
      return String(total);
    }),
  );
  return samples.join(' ');
}

function range(end: number, step: number): number[] {
  return Array.from({ length: Math.floor(end / step) }, (_, index) => index * step);
}

function secondsOf(step: string): number {
  const amount = Number.parseInt(step, 10);
  return step.endsWith('m') ? amount * 60 : amount;
}
