import { AZURE_HEADERS } from './azure.ts';
import { GOOGLE_HEADERS } from './google.ts';
import { jsonObject } from './metadata-text.ts';
import type { SpotNotice, SpotWatch } from './spot-notices.ts';

/** AWS and Google take a machine away 2 minutes and 30 s after they have said so; Azure gives at least 30 s to a spot machine. */
const AWS_MS = 120_000;
const SHORTEST_MS = 30_000;
/** A question that waits for a change is answered with no change after this time, in s. */
const LONG_POLL_SECS = 240;

/**
 * AWS has a time at this path when it is going to take the machine, and nothing (404) before.
 *
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
 */
export const awsNotices: SpotWatch = {
  everyMs: 5_000,
  ask: async (service, signal) => {
    const text = await service.ask({ path: '/latest/meta-data/spot/termination-time' }, signal);
    if (text === undefined) return undefined;
    return notice('AWS', Date.parse(text.trim()), AWS_MS);
  },
};

/**
 * Google answers when the machine is preempted, and from time to time.
 *
 * https://cloud.google.com/compute/docs/instances/create-use-preemptible
 */
export const googleNotices: SpotWatch = {
  // A service that answers at once instead of waiting must not keep a processor busy.
  everyMs: 1_000,
  ask: async (service, signal) => {
    const path = `/computeMetadata/v1/instance/preempted?wait_for_change=true&timeout_sec=${LONG_POLL_SECS}`;
    const timeoutMs = (LONG_POLL_SECS + 30) * 1_000;
    const text = await service.ask({ path, headers: GOOGLE_HEADERS, timeoutMs }, signal);
    return text?.trim() === 'TRUE' ? notice('Google', NaN, SHORTEST_MS) : undefined;
  },
};

/**
 * Azure lists what is going to happen to the machine. All of it ends the machine but `Freeze`, which is a pause of seconds. The
 * first question may take two minutes.
 *
 * https://learn.microsoft.com/azure/virtual-machines/linux/scheduled-events
 */
export const azureNotices: SpotWatch = {
  everyMs: 1_000,
  ask: async (service, signal) => {
    const path = '/metadata/scheduledevents?api-version=2020-07-01';
    const text = await service.ask({ path, headers: AZURE_HEADERS, timeoutMs: 150_000 }, signal);
    const { Events: events } = jsonObject(text, "Azure's scheduled events");
    const ends = (Array.isArray(events) ? (events as unknown[]) : []).filter(isEnd);
    const [first] = ends;
    return first && notice(`Azure (${first.EventType})`, Date.parse(first.NotBefore ?? ''), SHORTEST_MS);
  },
};

interface AzureEvent {
  readonly EventType: string;
  readonly NotBefore?: string;
}

function isEnd(event: unknown): event is AzureEvent {
  if (typeof event !== 'object' || event === null) return false;
  const { EventType: type } = event as Partial<AzureEvent>;
  return typeof type === 'string' && /^[A-Za-z]{1,50}$/.test(type) && type !== 'Freeze';
}

/** A time that is missing, over, or further away than this cloud ever gives is not believed. */
function notice(who: string, timeMs: number, longestMs: number): SpotNotice {
  const leftMs = timeMs - Date.now();
  const withinMs = leftMs > 0 ? Math.min(leftMs, longestMs) : Math.min(longestMs, SHORTEST_MS);
  return { because: `${who} takes this machine away`, withinMs };
}
