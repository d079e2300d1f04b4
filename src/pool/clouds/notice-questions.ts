import { AZURE_HEADERS } from './azure.ts';
import { GOOGLE_HEADERS } from './google.ts';
import { jsonObject } from './metadata-text.ts';
import type { Question } from './metadata-service.ts';
import type { SpotNotice, SpotNotices } from './spot-notices.ts';

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
export const awsNotices: SpotNotices = () => ({
  everyMs: 5_000,
  ask: async (service, signal) => {
    const text = await service.ask({ path: '/latest/meta-data/spot/termination-time' }, signal);
    if (text === undefined) return undefined;
    return notice('AWS', Date.parse(text.trim()), AWS_MS);
  },
});

/**
 * Google answers a request that waits for a change when the state changes, and otherwise after a timeout. Each answer
 * has an ETag. The next request sends it as `last_etag`, and is answered at once if the state has changed since.
 *
 * https://cloud.google.com/compute/docs/metadata/querying-metadata#waitforchange
 */
export const googleNotices: SpotNotices = () => {
  const path = '/computeMetadata/v1/instance/preempted';
  let lastEtag: string | undefined;
  const onEtag = (etag: string) => {
    lastEtag = etag;
  };
  const change = () => ({
    path: `${path}?wait_for_change=true&timeout_sec=${LONG_POLL_SECS}${lastEtag === undefined ? '' : `&last_etag=${encodeURIComponent(lastEtag)}`}`,
    timeoutMs: (LONG_POLL_SECS + 30) * 1_000,
  });
  return {
    // A service that answers at once instead of waiting must not cause a busy loop.
    everyMs: 1_000,
    ask: async (service, signal) => {
      const isPreempted = async (question: Question) => {
        const text = await service.ask({ ...question, headers: GOOGLE_HEADERS, onEtag }, signal);
        return text?.trim() === 'TRUE';
      };
      // Without an ETag, a request that arrives after the change waits in vain, so one that does not wait precedes it.
      if (lastEtag === undefined && (await isPreempted({ path }))) return notice('Google', NaN, SHORTEST_MS);
      return (await isPreempted(change())) ? notice('Google', NaN, SHORTEST_MS) : undefined;
    },
  };
};

/**
 * Azure lists the events scheduled for the machine and for its neighbours: the machines of its scale set, availability
 * set or cloud service. `Resources` has the names of the machines that an event affects. All events end these machines,
 * except `Freeze`, which pauses them for seconds. Each answer is the whole list, so its `DocumentIncarnation` does not
 * matter. The first request may take two minutes.
 *
 * https://learn.microsoft.com/azure/virtual-machines/linux/scheduled-events
 */
export const azureNotices: SpotNotices = workerId => ({
  everyMs: 1_000,
  ask: async (service, signal) => {
    const path = '/metadata/scheduledevents?api-version=2020-07-01';
    const text = await service.ask({ path, headers: AZURE_HEADERS, timeoutMs: 150_000 }, signal);
    const { Events: events } = jsonObject(text, "Azure's scheduled events");
    const ends = (Array.isArray(events) ? (events as unknown[]) : []).filter(isEnd);
    const own = ends.find(({ Resources }) => names(Resources, workerId));
    return own && notice(`Azure (${own.EventType})`, Date.parse(String(own.NotBefore)), SHORTEST_MS);
  },
});

interface AzureEvent {
  readonly EventType: string;
  readonly Resources?: unknown;
  readonly NotBefore?: unknown;
}

function isEnd(event: unknown): event is AzureEvent {
  if (typeof event !== 'object' || event === null) return false;
  const { EventType: type } = event as Partial<AzureEvent>;
  return typeof type === 'string' && /^[A-Za-z]{1,50}$/.test(type) && type !== 'Freeze';
}

/** Names of Azure's resources are not case-sensitive. */
function names(resources: unknown, name: string): boolean {
  if (!Array.isArray(resources)) return false;
  return resources.some(
    resource => typeof resource === 'string' && resource.toLowerCase() === name.toLowerCase(),
  );
}

/** A time that is missing, past, or further away than this cloud ever announces is not trusted. */
function notice(who: string, timeMs: number, longestMs: number): SpotNotice {
  const leftMs = timeMs - Date.now();
  const withinMs = leftMs > 0 ? Math.min(leftMs, longestMs) : Math.min(longestMs, SHORTEST_MS);
  return { because: `${who} is taking this machine away`, withinMs };
}
