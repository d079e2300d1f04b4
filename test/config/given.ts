import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll } from 'vitest';
import { ConfigurationError } from '../../src/cli/config/problem.ts';
import { readConfig, type LoadedConfig } from '../../src/cli/config/read.ts';
import { flagName, variableName } from '../../src/cli/config/spelling.ts';
import { addAllProperties, givenFlags } from '../../src/cli/config/property-options.ts';

export const WORKING_DIRECTORY = '/somewhere/else';

/** What everybody has to give. */
export const required = {
  rootURL: 'https://tc.example.com',
  clientId: 'project/example',
  accessToken: 'TOKEN-that-nobody-may-see',
  workerType: 'linux',
  workerId: 'worker-1',
};

/** What a user gave, and where. */
export interface Given {
  /** Text of a configuration file, or an object for a JSON file. */
  readonly file?: string | object;
  readonly extension?: string;
  /** Of the file; by default only its owner may read it. */
  readonly mode?: number;
  readonly environment?: Readonly<Record<string, string>>;
  /** The words after `tcw run`. */
  readonly words?: readonly string[];
}

const folder = mkdtempSync(join(tmpdir(), 'tcw-config-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Reads a configuration as `tcw run` does. */
export async function read({
  file,
  extension = '.json',
  mode = 0o600,
  environment = {},
  words = [],
}: Given): Promise<LoadedConfig> {
  const command = new Command('run').allowUnknownOption().allowExcessArguments();
  addAllProperties(command);
  command.parse(words, { from: 'user' });
  return readConfig({
    ...givenFlags(command),
    file: file === undefined ? undefined : writeFile(file, extension, mode),
    environment,
    workingDirectory: WORKING_DIRECTORY,
  });
}

/** The error that a configuration is refused with. */
export async function refusal(given: Given): Promise<ConfigurationError> {
  try {
    await read(given);
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

function writeFile(content: string | object, extension: string, mode: number): string {
  const path = join(folder, `${randomUUID()}${extension}`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content), { mode });
  return path;
}

/** Values as `TCW_…` variables. */
export function asVariables(values: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [variableName(name), asText(value)]),
  );
}

/** Values as flags. */
export function asFlags(values: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(values).map(([name, value]) => `${flagName(name)}=${asText(value)}`);
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
