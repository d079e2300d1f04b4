/** Why a worker ends. The command line maps each reason to an exit code. */
export type ExitReason =
  /** `numberOfTasksToRun` tasks were run. */
  | 'tasks-complete'
  /** There was nothing to do for `idleTimeoutSecs`. */
  | 'idle'
  /** The worker's owner said that it is not needed. */
  | 'not-needed'
  /** The worker was told to exit when its runs are finished (SIGINT). */
  | 'stopped'
  /** The worker was told to exit at once (SIGTERM). */
  | 'shutdown'
  /** Every slot has processes that could not be ended, or the machine cannot run any more tasks. */
  | 'out-of-service';

/** The state of a worker. Pulse may go up and down in any phase. */
export interface WorkerState {
  readonly phase: 'starting' | 'listening' | 'draining' | 'stopped';
  /** How the worker asks for work: `up` by notices, `down` by polling. `undecided` at first. */
  readonly pulse: 'undecided' | 'up' | 'down';
  /** Why the worker is draining or stopped. */
  readonly because?: ExitReason;
}

export type LifeEvent =
  | { readonly type: 'pulse'; readonly up: boolean }
  | { readonly type: 'drain'; readonly because: ExitReason }
  /** Nothing runs, and no request for work is open. */
  | { readonly type: 'drained' };

export const STARTING: WorkerState = { phase: 'starting', pulse: 'undecided' };

/**
 * The worker's state machine. A worker starts listening when it knows how to ask for work, and never leaves
 * draining except to stop.
 */
export function nextWorkerState(state: WorkerState, event: LifeEvent): WorkerState {
  switch (event.type) {
    case 'pulse': {
      const phase = state.phase === 'starting' ? 'listening' : state.phase;
      return { ...state, phase, pulse: event.up ? 'up' : 'down' };
    }
    case 'drain': {
      if (state.phase === 'stopped') return state;
      // An immediate exit overrules an exit after the last run. Nothing overrules an immediate exit.
      const because = state.because === 'shutdown' ? 'shutdown' : event.because;
      const firstOrStronger = state.phase !== 'draining' || because === 'shutdown';
      return firstOrStronger ? { ...state, phase: 'draining', because } : state;
    }
    case 'drained':
      return state.phase === 'draining' ? { ...state, phase: 'stopped' } : state;
  }
}
