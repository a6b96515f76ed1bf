export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const sampleLine = /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:\\.|[^"\\])*")*)\})?\s+(\S+)/;
const labelPair = /([a-zA-Z_]\w*)="((?:\\.|[^"\\])*)"/g;

/** The samples of a text exposition or of OpenMetrics. Comments, exemplars and what cannot be read are left out. */
export function parseMetrics(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = sampleLine.exec(line) ?? [];
    if (name === undefined || Number.isNaN(Number(value))) return [];
    const pairs = [...labels.matchAll(labelPair)].map(
      ([, key, text_]) =>
        [key!, text_!.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))] as const,
    );
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }];
  });
}

export function valueOf(samples: readonly Sample[], name: string): number | undefined {
  return samples.find((sample) => sample.name === name)?.value;
}
