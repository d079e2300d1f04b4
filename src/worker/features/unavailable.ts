import type { Property } from '../properties/index.ts';
import { TaskError } from '../outcome.ts';
import { switchPart, type SchemaPart } from '../schema-part.ts';
import type { FormatName, TaskSpec } from '../task-spec.ts';
import { serving, type FeatureModule } from './feature.ts';

/** Something that payloads may ask for, and that this worker does not have. */
interface Unavailable<P extends string> {
  readonly name: string;
  /** By default a switch of its name. */
  readonly schema?: SchemaPart;
  readonly isWanted?: (task: TaskSpec) => boolean;
  readonly title: string;
  /** The payload formats that have it; generic-worker's alone unless given. */
  readonly formats?: readonly FormatName[];
  /** What the message says of it, after its name. */
  readonly why: string;
  /** The property with which a pool forbids it, and what that property is about. */
  readonly property?: readonly [name: P, description: string];
  /** The same, where it is one of the general properties. */
  readonly enabledBy?: string;
}

/** A task that needs what is not there must not run without it: it is refused by its name. */
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
          // Then the pool's name is the reason.
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
  property: ['enableLoopbackAudio', 'Whether payloads may ask for a virtual audio device'],
});

export const loopbackVideo = unavailable({
  name: 'loopbackVideo',
  title: 'A virtual video device',
  why: CONTAINERS_ONLY,
  property: ['enableLoopbackVideo', 'Whether payloads may ask for a virtual video device'],
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
  property: ['enableRunAsAdministrator', 'Whether payloads may ask for elevated processes (Windows)'],
});

export const rdpInfo = unavailable({
  name: 'rdpInfo',
  schema: {
    properties: { rdpInfo: { type: 'string', title: 'An artifact for remote desktop access (Windows)' } },
  },
  isWanted: ({ payload }) => payload.rdpInfo !== undefined,
  title: '',
  why: WINDOWS,
  property: ['enableRDP', 'Whether payloads may ask for remote desktop access (Windows)'],
});
