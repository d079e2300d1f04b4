import type { Property } from '../properties/index.ts';
import { TaskError } from '../outcome.ts';
import { switchPart, type SchemaPart } from '../schema-part.ts';
import type { FormatName, TaskSpec } from '../task-spec.ts';
import { serving, type FeatureModule } from './feature.ts';

/** A feature of payloads that this worker does not have. */
interface Unavailable<P extends string> {
  readonly name: string;
  /** By default a switch of its name. */
  readonly schema?: SchemaPart;
  readonly isWanted?: (task: TaskSpec) => boolean;
  readonly title: string;
  /** The payload formats with this feature. By default only generic-worker's. */
  readonly formats?: readonly FormatName[];
  /** Completes the message after the feature's name. */
  readonly why: string;
  /** The property with which a pool forbids the feature, and its description. */
  readonly property?: readonly [name: P, description: string];
  /** The same, for a general property. */
  readonly enabledBy?: string;
}

/** A task must not run without a feature that it needs, so it is refused with the feature's name. */
function unavailable<P extends string = never>({
  name,
  schema,
  isWanted = task => task.switches.has(name),
  title,
  formats = ['generic-worker'],
  why,
  property,
  enabledBy = property?.[0],
}: Unavailable<P>): FeatureModule<Readonly<Record<P, BooleanProperty>>> {
  return {
    name,
    schema: Object.fromEntries(formats.map(format => [format, schema ?? switchPart(name, title)])),
    ...(property && {
      properties: { [property[0]]: booleanProperty(property[1]) } as Readonly<Record<P, BooleanProperty>>,
    }),
    ...(enabledBy && { enabledBy }),
    open: ({ config }) =>
      serving<true>({
        ask: task => {
          if (!isWanted(task)) return undefined;
          const { [enabledBy ?? '']: isEnabled } = config as unknown as Readonly<Record<string, unknown>>;
          // In that case, the refusal names the pool.
          if (isEnabled === false) return true;
          throw new TaskError(
            'malformed-payload',
            `this task is attempting to use feature "${name}", ${why}`,
          );
        },
        start: () => ({}),
      }),
  };
}

function booleanProperty(description: string): BooleanProperty {
  return { type: 'boolean', default: true, description, since: 'generic-worker' };
}

export interface BooleanProperty extends Property {
  readonly type: 'boolean';
  readonly default: true;
}

const CONTAINERS_ONLY = 'which only containers can have (capabilities.devices of a docker-worker payload)';
const WINDOWS = 'which is for workers on Windows only';

export const loopbackAudio = unavailable({
  name: 'loopbackAudio',
  title: 'A virtual audio device',
  why: CONTAINERS_ONLY,
  property: ['enableLoopbackAudio', 'Allow payloads to request a virtual audio device'],
});

export const loopbackVideo = unavailable({
  name: 'loopbackVideo',
  title: 'A virtual video device',
  why: CONTAINERS_ONLY,
  property: ['enableLoopbackVideo', 'Allow payloads to request a virtual video device'],
});

export const hideCmdWindow = unavailable({
  name: 'hideCmdWindow',
  title: 'Hide the window of each command (Windows)',
  why: WINDOWS,
});

export const runAsAdministrator = unavailable({
  name: 'runAsAdministrator',
  title: 'Run commands with elevated rights (Windows)',
  why: WINDOWS,
  property: ['enableRunAsAdministrator', 'Allow payloads to request elevated processes (Windows)'],
});

export const rdpInfo = unavailable({
  name: 'rdpInfo',
  schema: {
    properties: { rdpInfo: { type: 'string', title: 'An artifact for remote desktop access (Windows)' } },
  },
  isWanted: ({ payload }) => payload.rdpInfo !== undefined,
  title: '',
  why: WINDOWS,
  property: ['enableRDP', 'Allow payloads to request remote desktop access (Windows)'],
});
