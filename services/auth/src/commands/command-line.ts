import { NestFactory } from '@nestjs/core';
import { Health } from '@capstone/platform/health';
import { createLogger } from '@capstone/platform/log';
import { rootModule } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { auditVerify } from './audit-commands.js';
import type { Command } from './command.js';
import { CommandsModule } from './commands.module.js';
import { keysList, keysRotate, keysTaint } from './key-commands.js';

const commands: readonly Command[] = [keysList, keysRotate, keysTaint, auditVerify];

/** Runs one command with the settings of the service, beside its running processes. Answers with the exit code. */
export async function runCommandLine(
  words: readonly string[],
  loadConfig: () => Config,
  print: (line: string) => void,
): Promise<number> {
  const command = commands.find(({ name }) => name === words.slice(0, 2).join(' '));
  if (!command) {
    print('usage: capstone <command>');
    for (const { name, takes, does } of commands)
      print(`  ${`${name} ${takes}`.padEnd(20)}${does}`);
    return 2;
  }
  const config = loadConfig();
  const service = {
    name: 'auth-cli',
    config,
    logger: createLogger({ service: 'auth-cli', level: 'error' }),
    health: new Health(),
    stopping: new AbortController().signal,
  };
  const context = await NestFactory.createApplicationContext(rootModule(service, CommandsModule), {
    logger: false,
    abortOnError: false,
  });
  try {
    return await command.run((type) => context.get(type, { strict: false }), words.slice(2), print);
  } finally {
    await context.close();
  }
}
