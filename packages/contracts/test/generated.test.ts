import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'capstone-proto-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test('the generated gRPC code is what the protos say today', () => {
  const template = readFileSync(join(root, 'buf.gen.yaml'), 'utf8');
  const here = join(scratch, 'buf.gen.yaml');
  writeFileSync(here, template.replace('out: src/generated', `out: ${join(scratch, 'generated')}`));

  buf('lint');
  buf('generate', '--template', here);

  expect(sources(join(scratch, 'generated'))).toEqual(sources(join(root, 'src/generated')));
});

function buf(...args: string[]): void {
  const bin = join(root, 'node_modules/.bin');
  execFileSync(join(bin, 'buf'), args, {
    cwd: root,
    env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` },
  });
}

function sources(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  return Object.fromEntries(
    files.toSorted().map((file) => [file, readFileSync(join(folder, file), 'utf8')]),
  );
}
