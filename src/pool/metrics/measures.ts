interface Definition {
  readonly kind: 'counter' | 'histogram' | 'gauge';
  /** What it counts or measures, without a full stop. */
  readonly help: string;
  readonly labels?: readonly string[];
  /** Upper bounds of a histogram, in the unit of its name. */
  readonly buckets?: readonly number[];
}

/** From 5 ms to 10 s: what a worker does. */
const SHORT = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** From a second to a day: what tasks do. */
const LONG = [1, 5, 15, 30, 60, 300, 600, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400];

/** Everything that is measured of a worker, by its name for Prometheus. */
export const MEASURES = {
  tcw_runs_claimed_total: { kind: 'counter', help: 'Runs that the worker began' },
  tcw_runs_resolved_total: {
    kind: 'counter',
    help: 'Runs that are over, by result and reason; result none: nothing was reported',
    labels: ['result', 'reason'],
  },
  tcw_pending_to_claimed_seconds: {
    kind: 'histogram',
    help: 'From when a run was pending to its claim, by the clock of the queue',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200],
  },
  tcw_run_duration_seconds: {
    kind: 'histogram',
    help: 'From the claim of a run to when its slot is free',
    labels: ['result'],
    buckets: LONG,
  },
  tcw_stop_to_dead_seconds: {
    kind: 'histogram',
    help: 'From when the worker knows that a run has to stop to the end of its last process',
    labels: ['stop'],
    buckets: SHORT,
  },
  tcw_claim_work_failures_total: {
    kind: 'counter',
    help: 'Calls of claimWork that failed',
    labels: ['kind'],
  },
  tcw_reclaims_total: { kind: 'counter', help: 'Claims that were renewed' },
  tcw_reclaim_failures_total: { kind: 'counter', help: 'Tries to renew a claim that failed' },
  tcw_reclaim_lag_seconds: {
    kind: 'histogram',
    help: 'From when a renewal was due to when the queue had granted it',
    buckets: [...SHORT, 30, 60, 300],
  },
  tcw_reclaim_left_seconds: {
    kind: 'gauge',
    help: 'How long the claim that was renewed last would still have lasted',
  },
  tcw_uploads_total: { kind: 'counter', help: 'Artifacts that were stored, logs included' },
  tcw_upload_bytes_total: { kind: 'counter', help: 'Bytes of artifacts that were stored, as they were sent' },
  tcw_upload_retries_total: { kind: 'counter', help: 'Uploads that were tried again' },
  tcw_upload_failures_total: { kind: 'counter', help: 'Artifacts that could not be stored' },
  tcw_upload_duration_seconds: {
    kind: 'histogram',
    help: 'How long the upload of an artifact took',
    buckets: [...SHORT, 30, 60, 300, 1_800],
  },
  tcw_service_retries_total: { kind: 'counter', help: 'Calls of services that are made again' },
  tcw_store_entries_removed_total: {
    kind: 'counter',
    help: 'Caches, downloads and images removed for disk space',
  },
  tcw_store_freed_bytes_total: { kind: 'counter', help: 'Disk space that this freed' },
  tcw_incidents_total: {
    kind: 'counter',
    help: 'What happened beside the changes of state, by its name in the log',
    labels: ['type'],
  },
  tcw_info: {
    kind: 'gauge',
    help: 'Which worker this is; always 1',
    labels: ['version', 'worker_pool', 'worker_group', 'worker_id'],
  },
  tcw_can_work: { kind: 'gauge', help: 'What /healthz says: 1 when the worker can run tasks' },
  tcw_ready: { kind: 'gauge', help: 'What /readyz says: 1 when the worker asks for work' },
  tcw_problem: {
    kind: 'gauge',
    help: '1 for each problem that keeps the worker from working',
    labels: ['kind'],
  },
  tcw_pulse_connected: { kind: 'gauge', help: '1 while notices come from Pulse, 0 while the worker polls' },
  tcw_slots: { kind: 'gauge', help: 'Slots that are busy, free or out of service', labels: ['state'] },
  tcw_disk_free_bytes: { kind: 'gauge', help: 'Free space of the disk of a folder', labels: ['folder'] },
  tcw_disk_size_bytes: { kind: 'gauge', help: 'Size of the disk of a folder', labels: ['folder'] },
  tcw_store_entries: {
    kind: 'gauge',
    help: 'Caches, downloads and images that no run uses now',
    labels: ['folder'],
  },
  tcw_store_known_bytes: {
    kind: 'gauge',
    help: 'Size of those of them whose size is known',
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

/** The definition of a measure, without the names of its labels. */
export function definitionOf(name: MeasureName): Definition {
  return MEASURES[name];
}

export const MEASURE_NAMES = Object.keys(MEASURES) as readonly MeasureName[];

/** Values of labels by their names. */
export type Labels = Readonly<Record<string, string>>;

/** What is told of a measure that only has a present value. */
export interface Reading {
  readonly name: GaugeName;
  readonly value: number;
  readonly labels?: Labels;
}

/** Where counters and histograms are kept. */
export interface Instruments {
  readonly add: (name: CounterName, amount?: number, labels?: Labels) => void;
  readonly record: (name: HistogramName, value: number, labels?: Labels) => void;
}
