import type { Outcome } from '../outcome.ts';
import type { StopReason } from './stop.ts';

/**
 * The state of a run. A stop reason may come in any phase except the last two, and the first one stays. The
 * phases still follow each other, because a stopped run also has a log to upload and a folder to remove. A run
 * is `uploading` as soon as its last command has ended.
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
  /** Without an outcome, nothing is reported, because the queue has already ended the run. */
  | { readonly type: 'resolve'; readonly outcome: Outcome | undefined }
  /** Processes are dead and the folder is gone, so the slot is free, unless processes are left. */
  | { readonly type: 'end'; readonly processesLeft?: boolean }
  | { readonly type: 'stop'; readonly reason: StopReason }
  /** The worker has to exit and has no more time for uploads: see grace.ts. */
  | { readonly type: 'cutoff' };

export const CLAIMED: RunState = { phase: 'claimed' };

const ORDER = ['claimed', 'preparing', 'running', 'uploading', 'resolving', 'resolved'] as const;
const PHASE_OF = { prepare: 'preparing', run: 'running', upload: 'uploading' } as const;

/** Reasons that stop only commands. A run whose commands have ended keeps its result. */
const STOPS_COMMANDS: readonly StopReason[] = ['max-run-time', 'limit-exceeded', 'worker-shutdown'];

/** A run's state machine. A run may skip phases but never goes back. An event that does not fit has no effect. */
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
