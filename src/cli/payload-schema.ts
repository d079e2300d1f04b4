import { payloadSchema, type FormatName } from '../worker/index.ts';
import { readConfig } from './config/read.ts';
import { EXIT_CODES } from './words/exit-codes.ts';
import { Failure } from './words/failure.ts';

/** The options of `tcw show-payload-schema`. */
export interface PayloadSchemaOptions {
  readonly format?: FormatName;
  /** A worker's configuration file. */
  readonly config?: string;
}

/**
 * Returns the schema of the payloads that tcw accepts, or of those that a configured worker accepts.
 *
 * @throws ConfigurationError
 * @throws Failure if no payload of the format is accepted
 */
export async function shownPayloadSchema({ format, config: file }: PayloadSchemaOptions): Promise<object> {
  if (file === undefined && format === 'script')
    throw new Failure(
      EXIT_CODES.cannotLoadConfig.code,
      'the scriptSchema of a worker defines the payloads of the format script. Name its configuration with --config.',
    );
  const sources = { environment: process.env, workingDirectory: process.cwd(), given: new Map(), rest: [] };
  const worker = file === undefined ? undefined : await readConfig({ ...sources, file });
  try {
    return payloadSchema(format, undefined, worker?.config);
  } catch (error) {
    throw new Failure(EXIT_CODES.invalidConfig.code, (error as Error).message, { cause: error });
  }
}
