import { readFileSync } from 'node:fs';
import { Client } from 'pg';

/** Runs `work` on one connection and closes it. With a CA file the server's name and chain are verified. */
export async function withClient<T>(
  url: string,
  caFile: string | undefined,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({
    connectionString: url,
    ...(caFile && { ssl: { ca: readFileSync(caFile) } }),
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The same address with another database. */
export function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}
