interface Definition {
  readonly kind: 'counter' | 'histogram' | 'gauge';
  /** One line for people who read the metrics. It does not end with a period. */
  readonly help: string;
  readonly labels?: readonly string[];
  /** Upper bounds of a histogram, in the unit of its name. */
  readonly buckets?: readonly number[];
}

/** For the worker's own operations: 5 ms to 10 s. */
const SHORT = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** For tasks: a second to a day. */
const LONG = [1, 5, 15, 30, 60, 300, 600, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400];

/** All metrics of a worker, by Prometheus name. */
export const MEASURES = {
  tcw_runs_claimed_total: { kind: 'counter', help: 'Runs started' },
  tcw_runs_resolved_total: {
    kind: 'counter',
    help: 'Runs ended, by result and reason; result "none": nothing was reported to the queue',
    labels: ['result', 'reason'],
  },
  tcw_pending_to_claimed_seconds: {
    kind: 'histogram',
    help: 'Time between a run becoming pending and its claim, by the clock of the queue',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200],
  },
  tcw_run_duration_seconds: {
    kind: 'histogram',
    help: 'Time between the claim of a run and its slot being free again',
    labels: ['result'],
    buckets: LONG,
  },
  tcw_stop_to_dead_seconds: {
    kind: 'histogram',
    help: 'Time between a run being told to stop and the death of its last process',
    labels: ['stop'],
    buckets: SHORT,
  },
  tcw_claim_work_failures_total: {
    kind: 'counter',
    help: 'Failed claimWork calls',
    labels: ['kind'],
  },
  tcw_reclaims_total: { kind: 'counter', help: 'Claims renewed' },
  tcw_reclaim_failures_total: { kind: 'counter', help: 'Failed attempts to renew a claim' },
  tcw_reclaim_lag_seconds: {
    kind: 'histogram',
    help: 'Time between a renewal being due and the queue granting it',
    buckets: [...SHORT, 30, 60, 300],
  },
  tcw_reclaim_left_seconds: {
    kind: 'gauge',
    help: 'Time that was left on a claim when it was last renewed',
  },
  tcw_uploads_total: { kind: 'counter', help: 'Artifacts uploaded, including logs' },
  tcw_upload_bytes_total: {
    kind: 'counter',
    help: 'Bytes of uploaded artifacts, as sent: compressed, where they are',
  },
  tcw_upload_retries_total: { kind: 'counter', help: 'Upload attempts after the first one' },
  tcw_upload_failures_total: { kind: 'counter', help: 'Artifacts whose upload failed for good' },
  tcw_upload_duration_seconds: {
    kind: 'histogram',
    help: 'Duration of artifact uploads',
    buckets: [...SHORT, 30, 60, 300, 1_800],
  },
  tcw_service_retries_total: { kind: 'counter', help: 'Retried calls to Taskcluster services' },
  tcw_store_entries_removed_total: {
    kind: 'counter',
    help: 'Caches, downloads and images removed to free disk space',
  },
  tcw_store_freed_bytes_total: {
    kind: 'counter',
    help: 'Disk space freed by removing caches, downloads and images',
  },
  tcw_incidents_total: {
    kind: 'counter',
    help: 'Incidents, by the name that the worker log gives them',
    labels: ['type'],
  },
  tcw_info: {
    kind: 'gauge',
    help: 'Identity of the worker; the value is always 1',
    labels: ['version', 'worker_pool', 'worker_group', 'worker_id'],
  },
  tcw_can_work: { kind: 'gauge', help: '1 if the worker can run tasks, as in /healthz' },
  tcw_ready: { kind: 'gauge', help: '1 if the worker asks for work, as in /readyz' },
  tcw_problem: {
    kind: 'gauge',
    help: '1 for each problem that keeps the worker from running tasks',
    labels: ['kind'],
  },
  tcw_pulse_connected: {
    kind: 'gauge',
    help: '1 while Pulse is connected, 0 while the worker polls the queue',
  },
  tcw_slots: { kind: 'gauge', help: 'Slots by state: busy, free or out of service', labels: ['state'] },
  tcw_disk_free_bytes: {
    kind: 'gauge',
    help: 'Free bytes on the disk that holds a folder',
    labels: ['folder'],
  },
  tcw_disk_size_bytes: { kind: 'gauge', help: 'Size of the disk that holds a folder', labels: ['folder'] },
  tcw_store_entries: {
    kind: 'gauge',
    help: 'Caches, downloads and images not in use by a run',
    labels: ['folder'],
  },
  tcw_store_known_bytes: {
    kind: 'gauge',
    help: 'Size of the caches, downloads and images not in use, where known',
    labels: ['folder'],
  },
} as const satisfies Readonly<Record<string, Definition>>;

export type MeasureName = keyof typeof MEASURES;
type OfKind<Kind extends Definition['kind']> = {
  [Name in MeasureName]: (typeof MEASURES)[Name] extends { readonly kind: Kind } ? Name : never;
}[MeasureName];

export type CounterName = OfKind<'counter'>;
export type HistogramName = OfKind<'histogram'>;
export type GaugeName = OfKind<'gauge'>;

/** The definition of a metric, with the widest type. */
export function definitionOf(name: MeasureName): Definition {
  return MEASURES[name];
}

export const MEASURE_NAMES = Object.keys(MEASURES) as readonly MeasureName[];

/** Label values by label name. */
export type Labels = Readonly<Record<string, string>>;

/** The current value of a gauge. */
export interface Reading {
  readonly name: GaugeName;
  readonly value: number;
  readonly labels?: Labels;
}

/** Records counters and histograms: one implementation for Prometheus, one for OpenTelemetry. */
export interface Instruments {
  readonly add: (name: CounterName, amount?: number, labels?: Labels) => void;
  readonly record: (name: HistogramName, value: number, labels?: Labels) => void;
}
