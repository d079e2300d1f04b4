import { validator, type Validator } from '../../base/index.ts';
import { logNames } from '../log-names.ts';
import { TaskError } from '../outcome.ts';
import type { SchemaPart } from '../schema-part.ts';
import type { FormatName, TaskSpec } from '../task-spec.ts';
import { acceptedPart } from './accepted-part.ts';
import type { AcceptedPayload, PayloadFormat } from './format.ts';
import { dockerWorker } from './docker-worker.ts';
import { genericWorker } from './generic-worker.ts';
import { mergeSchema } from './merge-schema.ts';
import { withNearestProperty } from './nearest-property.ts';

const FORMATS: readonly PayloadFormat[] = [genericWorker, dockerWorker];

/** Logs are often public, so the values of variables are not shown there. */
const showsValue = (pointer: string) => !/^\/(env|encryptedEnv)(\/|$)/.test(pointer);

/** The owner of a part of the payload's schema. */
export interface SchemaOwner {
  readonly name: string;
  readonly schema?: Partial<Record<FormatName, SchemaPart | (() => SchemaPart)>>;
}

/** Reads the payloads of the formats that one worker accepts. */
export interface Payloads {
  /** Returns the schema of one format, or of everything that this worker accepts. */
  schema(format?: FormatName): object;
  /**
   * Validates and reads a payload. Invalid parts are left out of the task's requests.
   *
   * @throws TaskError `malformed-payload` for a payload that cannot be examined
   */
  read(payload: unknown): ReadPayload;
  /** Returns the requests of a task whose payload cannot be read: a log with the names that it clearly asks for. */
  unreadable(payload: unknown): TaskSpec;
}

/** The valid part of a payload. */
export interface ReadPayload {
  readonly task: TaskSpec;
  /** Its problems, each with its path, and with the right word where one is near. */
  readonly problems: readonly string[];
}

/**
 * @param names the formats of the worker's engines, the most likely first
 * @param configured formats that only this worker has
 * @throws Error when two features claim the same property
 */
export function payloadsOf(
  names: readonly FormatName[],
  features: readonly SchemaOwner[],
  configured: readonly PayloadFormat[] = [],
): Payloads {
  const formats = names.map(name => {
    const format = [...configured, ...FORMATS].find(each => each.name === name);
    if (!format) throw new Error(`there is no payload format ${name}`);
    const schema = schemaOf(format, features);
    // Compiled for the first payload, because that takes tens of ms.
    let compiled: Validator | undefined;
    const check: Validator = value =>
      (compiled ??= validator(schema, { fillDefaults: true, bestBranches: true, showsValue }))(value);
    return { format, schema, check };
  });
  const [first] = formats;
  if (!first) throw new Error('a worker needs a payload format');
  const formatOf = (payload: unknown) => formats.find(each => each.format.matches(payload)) ?? first;
  return {
    unreadable: payload => unreadable(payload, formatOf(payload).format),
    schema: name => {
      const found = formats.filter(({ format }) => name === undefined || format.name === name);
      if (found.length === 0) throw new Error(`this worker accepts no payloads of the format ${name}`);
      const [only] = found;
      return only && found.length === 1
        ? only.schema
        : {
            $schema: 'http://json-schema.org/draft-07/schema#',
            title: 'Payload of a tcw task',
            anyOf: found.map(({ schema }) => schema),
          };
    },
    read: payload => {
      const value = copyOf(payload);
      const { format, schema, check } = formatOf(value);
      const ofSchema = check(value).map(problem => withNearestProperty(problem, schema));
      const problems = together(format.problems?.(value) ?? [], ofSchema);
      if (problems.length === 0) return { task: format.read(value as AcceptedPayload), problems };
      const part = acceptedPart(value, some => check(some).length === 0, format.least);
      const log = unreadable(value, format);
      // Invalid names of its log are missing from the accepted part, and must not make the log public.
      return { task: part ? { ...format.read(part), logs: log.logs } : log, problems };
    },
  };
}

/** Merges the problems found by a format with those found by its schema. At one place and below, the format's say more. */
function together(ofFormat: readonly string[], ofSchema: readonly string[]): string[] {
  const places = ofFormat.map(problem => problem.slice(0, problem.indexOf(' ')));
  const isCovered = (problem: string) =>
    places.some(place => problem.startsWith(`${place} `) || problem.startsWith(`${place}/`));
  return [...ofFormat, ...ofSchema.filter(problem => !isCovered(problem))];
}

function unreadable(payload: unknown, format: PayloadFormat): TaskSpec {
  return {
    format: format.name,
    payload: {},
    commands: [],
    env: {},
    encryptedEnv: [],
    mounts: [],
    artifacts: [],
    logs: (format.logNames ?? logNames)(payload),
    maxRunTimeSecs: 0,
    exitCodes: { retry: [], purgeCaches: [] },
    switches: new Set(),
    osGroups: [],
  };
}

function schemaOf(format: PayloadFormat, features: readonly SchemaOwner[]): object {
  const parts = features.flatMap(({ name, schema }) => {
    const part = schema?.[format.name];
    return part ? [[name, typeof part === 'function' ? part() : part] as const] : [];
  });
  return mergeSchema(`Payload of a tcw task (${format.name})`, [[format.name, format.schema], ...parts]);
}

/** Copies a payload. Halves of surrogate pairs become U+FFFD, as in generic-worker: neither a URL nor a path can have one. */
function copyOf(payload: unknown): unknown {
  try {
    return wellFormed(payload);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new TaskError('malformed-payload', 'the payload is nested too deeply');
  }
}

function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(wellFormed);
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name.toWellFormed(), wellFormed(member)]),
  );
}
