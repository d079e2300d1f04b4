import { readFile } from 'node:fs/promises';
import {
  checkRoutingKey,
  JsonText,
  type Dialect,
  type PublisherOptions,
  type PublishOptions,
} from '../../../pulse/index.ts';
import { PULSE_EXIT_CODES } from '../../words/exit-codes.ts';
import { Failure } from '../../words/failure.ts';
import type { ConnectionOptions } from '../connection.ts';
import { checked, usageError } from '../failure.ts';
import { printable } from '../printable.ts';

/** The options of `tcw pulse publish`, from its command line. */
export interface PublishCommandOptions extends ConnectionOptions {
  readonly body?: string;
  readonly lines?: true;
  readonly declare?: true;
  readonly cc?: readonly string[];
  readonly header?: readonly string[];
  readonly messageId?: string;
  readonly mandatory?: true;
  /** In s. */
  readonly deadline?: number;
  readonly schema?: string;
  readonly dialect: Dialect;
  readonly json?: true;
  readonly quiet?: true;
}

/** @throws Failure 64 for an invalid header, routing key or schema */
export async function readPublishOptions(
  options: PublishCommandOptions,
): Promise<{ readonly all: PublisherOptions; readonly each: PublishOptions }> {
  const { cc = [], header = [], messageId, mandatory, deadline, dialect, schema } = options;
  const deadlineMs = deadline === undefined ? undefined : deadline * 1_000;
  for (const key of cc) checked(() => checkRoutingKey(key));
  const headers = Object.fromEntries(header.map(headerOf));
  return {
    all: { mandatory, dialect, deadlineMs, ...(schema !== undefined && { schema: await schemaIn(schema) }) },
    each: { routes: cc, messageId, ...(header.length > 0 && { headers }) },
  };
}

function headerOf(text: string): [name: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw usageError(`--header "${printable(text)}" must be <name>=<value>`);
  return [text.slice(0, at), text.slice(at + 1)];
}

async function schemaIn(file: string): Promise<object> {
  const { value: schema } = jsonText(await fileContent(file, 'schema'), `the schema (${file})`);
  if (typeof schema === 'object' && schema !== null) return schema;
  throw new Failure(PULSE_EXIT_CODES.badData.code, `the schema (${file}) is not a JSON object`);
}

/** @throws Failure 64 when the file cannot be read */
export async function fileContent(file: string, what: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw usageError(`the ${what} cannot be read: ${printable((error as Error).message)}`);
  }
}

/** @throws Failure 65 for content that is not JSON in UTF-8 */
export function jsonText(content: Buffer, what: string): JsonText {
  try {
    return new JsonText(content);
  } catch (error) {
    throw new Failure(
      PULSE_EXIT_CODES.badData.code,
      `${what} is not JSON: ${printable((error as Error).message)}`,
    );
  }
}
