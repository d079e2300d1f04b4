import type { Outcome } from '../outcome.ts';
import type { StopReason } from './stop.ts';

/**
 * Where a run is. A stop reason may come in any phase but the last two, and the first one stays; the phases still
 * follow each other, because a stopped run too has a log to upload and a folder to remove. A run is `uploading` from the
 * moment its last command has ended.
 */
export type RunState =
  | { readonly phase: 'claimed' | 'preparing' | 'running' | 'uploading'; readonly stop?: StopReason }
  | {
      readonly phase: 'resolving' | 'resolved';
      readonly stop?: StopReason;
      readonly outcome: Outcome | undefined;
      /** Whether processes of the run could not be ended. */
      readonly processesLeft?: true;
    };

export type RunEvent =
  | { readonly type: 'prepare' }
  | { readonly type: 'run' }
  | { readonly type: 'upload' }
  /** No outcome: nothing is reported, the run is over for the queue already. */
  | { readonly type: 'resolve'; readonly outcome: Outcome | undefined }
  /** Processes are dead, the folder is gone: only now its slot is free. It is not where processes are left. */
  | { readonly type: 'end'; readonly processesLeft?: boolean }
  | { readonly type: 'stop'; readonly reason: StopReason }
  /** The worker has to go, and has no more time for uploads: see grace.ts. */
  | { readonly type: 'cutoff' };

export const CLAIMED: RunState = { phase: 'claimed' };

const ORDER = ['claimed', 'preparing', 'running', 'uploading', 'resolving', 'resolved'] as const;
const PHASE_OF = { prepare: 'preparing', run: 'running', upload: 'uploading' } as const;

/** What stops commands only. A run whose commands have ended keeps the verdict on them. */
const STOPS_COMMANDS: readonly StopReason[] = ['max-run-time', 'limit-exceeded', 'worker-shutdown'];

/**
 * A run's state machine. Phases may be left out, never taken back; an event that does not fit changes nothing.
 */
export function nextRunState(state: RunState, event: RunEvent): RunState {
  if (event.type === 'stop') {
    const late =
      !isBefore(state, STOPS_COMMANDS.includes(event.reason) ? 'uploading' : 'resolving') ||
      state.stop !== undefined;
    return late ? state : { ...state, stop: event.reason };
  }
  if (event.type === 'cutoff') {
    return state.phase === 'uploading' && !state.stop ? { ...state, stop: 'worker-shutdown' } : state;
  }
  const stop = state.stop && { stop: state.stop };
  if (event.type === 'resolve') {
    return isBefore(state, 'resolving') ? { phase: 'resolving', ...stop, outcome: event.outcome } : state;
  }
  if (event.type === 'end') {
    if (state.phase !== 'resolving') return state;
    return { ...state, phase: 'resolved', ...(event.processesLeft && { processesLeft: true }) };
  }
  const phase = PHASE_OF[event.type];
  return isBefore(state, phase) ? { phase, ...stop } : state;
}

function isBefore(state: RunState, phase: RunState['phase']): boolean {
  return ORDER.indexOf(state.phase) < ORDER.indexOf(phase);
}
