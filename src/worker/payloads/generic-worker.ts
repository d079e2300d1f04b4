import { logNames } from '../log-names.ts';
import { linkedProgram, type LinkedProgram } from './linked-program.ts';
import { foreignToGenericWorker } from './foreign.ts';
import { hasImage } from './has-image.ts';
import { ownSchemaPart } from '../schema-part.ts';
import type { ArtifactSpec, ContentSpec, MountSpec, TaskSpec } from '../task-spec.ts';
import type { AcceptedPayload, PayloadFormat } from './format.ts';

/** generic-worker's payload for POSIX systems, as the schema accepts it. */
interface GenericWorkerPayload {
  readonly command?: readonly (readonly string[])[];
  readonly link?: LinkedProgram;
  readonly env?: Readonly<Record<string, string>>;
  readonly encryptedEnv?: readonly string[];
  readonly maxRunTime: number;
  readonly artifacts?: readonly ArtifactSpec[];
  readonly onExitStatus?: { readonly retry?: readonly number[]; readonly purgeCaches?: readonly number[] };
  readonly features?: Readonly<Record<string, boolean>>;
  readonly mounts?: readonly Mount[];
  readonly osGroups?: readonly string[];
}

interface Mount {
  readonly file?: string;
  readonly directory?: string;
  readonly cacheName?: string;
  readonly content?: Content;
  readonly format?: string;
}

interface Content {
  readonly taskId?: string;
  readonly artifact?: string;
  readonly namespace?: string;
  readonly url?: string;
  readonly sha256?: string;
  readonly raw?: string;
  readonly base64?: string;
}

const NO_CONTAINERS =
  '/image makes this a payload of docker-worker, and no engine of this worker runs containers';

/** Features that are on unless the payload turns them off. */
const ON_BY_DEFAULT = { backingLog: true, liveLog: true, resourceMonitor: true };

export const genericWorker: PayloadFormat = {
  name: 'generic-worker',
  get schema() {
    return ownSchemaPart('generic-worker', 'base');
  },
  matches: payload => !hasImage(payload),
  least: { maxRunTime: 1 },
  problems: payload => [
    ...(hasCommand(payload) ? [] : ['/command is missing']),
    // A payload with an image is read here only if no engine takes the other format.
    ...(hasImage(payload) ? [NO_CONTAINERS] : []),
    ...foreignToGenericWorker(payload),
  ],
  read: accepted => read(accepted as unknown as GenericWorkerPayload & AcceptedPayload),
};

function read(payload: GenericWorkerPayload & AcceptedPayload): TaskSpec {
  const linked = linkedProgram(payload.link);
  const switches = Object.entries({ ...ON_BY_DEFAULT, ...payload.features });
  return {
    format: 'generic-worker',
    payload,
    commands: [...linked.commands, ...(payload.command ?? []).map(argv => ({ argv }))],
    env: payload.env ?? {},
    encryptedEnv: payload.encryptedEnv ?? [],
    mounts: [...(payload.mounts ?? []).map(mountOf), ...linked.mounts],
    artifacts: payload.artifacts ?? [],
    logs: logNames(payload),
    maxRunTimeSecs: payload.maxRunTime,
    exitCodes: {
      retry: payload.onExitStatus?.retry ?? [],
      purgeCaches: payload.onExitStatus?.purgeCaches ?? [],
    },
    switches: new Set(switches.filter(([, on]) => on).map(([name]) => name)),
    osGroups: payload.osGroups ?? [],
  };
}

/** A link to a program is a command, too. The schema refuses a payload that is not an object. */
function hasCommand(payload: unknown): boolean {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return true;
  const { command, link } = payload as Partial<GenericWorkerPayload>;
  return command !== undefined || link !== undefined;
}

function mountOf({ file, directory = '', cacheName, content, format }: Mount): MountSpec {
  const from = content && contentOf(content);
  const packed = format === undefined ? {} : { format };
  if (cacheName !== undefined) {
    return { kind: 'cache', path: directory, cacheName, ...(from && { content: from }), ...packed };
  }
  // The schema requires content for files and read-only directories.
  const needed = from ?? { kind: 'raw', text: '' };
  return file === undefined
    ? { kind: 'directory', path: directory, content: needed, format: format ?? '' }
    : { kind: 'file', path: file, content: needed, ...packed };
}

function contentOf({ taskId, artifact = '', namespace, url, sha256, raw, base64 }: Content): ContentSpec {
  const digest = sha256 === undefined ? {} : { sha256 };
  if (taskId !== undefined) return { kind: 'artifact', taskId, artifact, ...digest };
  if (namespace !== undefined) return { kind: 'indexed', namespace, artifact };
  if (url !== undefined) return { kind: 'url', url, ...digest };
  return base64 === undefined ? { kind: 'raw', text: raw ?? '' } : { kind: 'base64', base64 };
}
