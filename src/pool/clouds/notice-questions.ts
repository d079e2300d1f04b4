import { AZURE_HEADERS } from './azure.ts';
import { GOOGLE_HEADERS } from './google.ts';
import { jsonObject } from './metadata-text.ts';
import type { SpotNotice, SpotWatch } from './spot-notices.ts';

/**
 * Time between the notice and the end of the machine: 2 minutes on AWS, 30 s on Google, at least 30 s for Azure spot
 * machines.
 */
const AWS_MS = 120_000;
const SHORTEST_MS = 30_000;
/** A request that waits for a change is answered without a change after this time, in seconds. */
const LONG_POLL_SECS = 240;

/**
 * AWS serves a time at this path when it is going to take the machine away, and a 404 before.
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
 * Google answers when the state changes, and otherwise after a timeout. A request that arrives after the change waits
 * in vain, so each one follows a request that does not wait.
 *
 * https://cloud.google.com/compute/docs/instances/create-use-preemptible
 */
export const googleNotices: SpotWatch = {
  // A service that answers at once instead of waiting must not cause a busy loop.
  everyMs: 1_000,
  ask: async (service, signal) => {
    const path = '/computeMetadata/v1/instance/preempted';
    const change = {
      path: `${path}?wait_for_change=true&timeout_sec=${LONG_POLL_SECS}`,
      timeoutMs: (LONG_POLL_SECS + 30) * 1_000,
    };
    for (const question of [{ path }, change]) {
      const text = await service.ask({ ...question, headers: GOOGLE_HEADERS }, signal);
      if (text?.trim() === 'TRUE') return notice('Google', NaN, SHORTEST_MS);
    }
    return undefined;
  },
};

/**
 * Azure lists the events scheduled for the machine. All of them end the machine, except `Freeze`, which pauses it for
 * seconds. The first request may take two minutes.
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

/** A time that is missing, past, or further away than this cloud ever announces is not trusted. */
function notice(who: string, timeMs: number, longestMs: number): SpotNotice {
  const leftMs = timeMs - Date.now();
  const withinMs = leftMs > 0 ? Math.min(leftMs, longestMs) : Math.min(longestMs, SHORTEST_MS);
  return { because: `${who} is taking this machine away`, withinMs };
}
