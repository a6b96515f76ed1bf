import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface DemoDocument {
  title: string;
  /** Its path in the repository: a start finds again what an earlier one has uploaded. */
  sourceKey: string;
  contentType: 'text/markdown';
  content: string;
}

const skipped = /(^|\/)(node_modules|dist|results|\..*)$/;

/** This repository's own documentation, so that the first question can be about the system itself. */
export function demoCorpus(root: string): DemoDocument[] {
  const paths = globSync('**/*.md', { cwd: root, exclude: (path) => skipped.test(path) });
  return paths.toSorted().map((path) => {
    const content = readFileSync(join(root, path), 'utf8');
    const heading = /^# (.+)$/m.exec(content)?.[1] ?? path;
    return {
      title: `${heading} (${path})`,
      sourceKey: path,
      contentType: 'text/markdown',
      content,
    };
  });
}
