import { validator } from '../../base/index.ts';
import type { SchemaPart } from '../schema-part.ts';
import type { TaskSpec } from '../task-spec.ts';
import type { AcceptedPayload, PayloadFormat } from './format.ts';

/** The folder of a run whose files are uploaded, with their paths in it as names. */
const SCRIPT_ARTIFACTS = 'artifacts';

/** The exit codes of a script, as in taskcluster-worker. Any other code fails the task. */
const EXIT_CODES = { retry: [], purgeCaches: [], malformed: [2], internal: [3], fatal: [4] } as const;

/** The keys that a pool's schema may have. The last two are only for human readers. */
const KEYS = ['type', 'properties', 'required', 'title', 'description'];

/** A pool's configuration of its script. The names are those of the configuration. */
export interface ScriptConfig {
  readonly scriptCommand?: readonly string[];
  readonly scriptSchema?: Readonly<Record<string, unknown>>;
  readonly maxTaskRunTime: number;
}

/**
 * Creates the format of a pool whose tasks are all run by one program of its own. Payloads follow the pool's
 * schema, and become the standard input of the program, as JSON. `maxRunTime`, in seconds, is part of each
 * payload unless the schema defines it differently.
 *
 * @throws Error that names a missing or invalid property of the configuration
 */
export function scriptFormat({
  scriptCommand = [],
  scriptSchema,
  maxTaskRunTime,
}: ScriptConfig): PayloadFormat {
  if (scriptCommand.length === 0) {
    throw new Error(
      'scriptCommand: the engine "script" needs a program. Name it, and its arguments, in a list.',
    );
  }
  const schema = schemaOf(scriptSchema);
  return {
    name: 'script',
    schema,
    matches: () => true,
    least: {},
    read: payload => read(payload, scriptCommand, maxTaskRunTime),
  };
}

function read(payload: AcceptedPayload, argv: readonly string[], maxTaskRunTime: number): TaskSpec {
  const { maxRunTime } = payload;
  return {
    format: 'script',
    payload,
    commands: [{ argv, stdin: JSON.stringify(payload) }],
    env: {},
    encryptedEnv: [],
    mounts: [],
    artifacts: [{ type: 'directory', path: SCRIPT_ARTIFACTS, name: '.', optional: true }],
    logs: { backing: 'public/logs/live_backing.log', live: 'public/logs/live.log' },
    maxRunTimeSecs: typeof maxRunTime === 'number' ? maxRunTime : maxTaskRunTime,
    exitCodes: EXIT_CODES,
    switches: new Set(['backingLog', 'liveLog', 'resourceMonitor']),
    osGroups: [],
  };
}

function schemaOf(given: ScriptConfig['scriptSchema']): SchemaPart {
  const wrong = (what: string) => new Error(`scriptSchema: ${what}. Give a JSON schema of an object.`);
  if (given === undefined) throw wrong('the engine "script" needs to know what payloads look like');
  const unknown = Object.keys(given).filter(key => !KEYS.includes(key));
  if (unknown.length > 0) throw wrong(`it may have no key ${JSON.stringify(unknown[0])} at its top level`);
  const { type = 'object', properties = {}, required = [] } = given;
  if (type !== 'object') throw wrong('its type is not object');
  try {
    // A schema is compiled at its first use.
    validator({ type, properties, required })({});
  } catch (error) {
    throw wrong((error as Error).message);
  }
  const own = { maxRunTime: { type: 'integer', minimum: 1, description: 'in seconds' } };
  return {
    properties: { ...own, ...(properties as SchemaPart['properties']) },
    required: required as readonly string[],
  };
}
