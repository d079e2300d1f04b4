/** Why a worker ends. The command line gives each its exit code. */
export type ExitReason =
  /** `numberOfTasksToRun` is reached. */
  | 'tasks-complete'
  /** Nothing to do for `idleTimeoutSecs`. */
  | 'idle'
  /** Whoever the worker belongs to said that it is not needed. */
  | 'not-needed'
  /** Told to go after finishing what ran (SIGINT). */
  | 'stopped'
  /** Told to go at once (SIGTERM). */
  | 'shutdown'
  /** Processes of its runs could not be ended, and no slot is left without some. */
  | 'out-of-service';

/** Where a worker is. Pulse may come and go in any phase. */
export interface WorkerState {
  readonly phase: 'starting' | 'listening' | 'draining' | 'stopped';
  /** How work is asked for: by notices, or by polling while there is no Pulse. Undecided at first. */
  readonly pulse: 'undecided' | 'up' | 'down';
  /** Why it is draining or stopped. */
  readonly because?: ExitReason;
}

export type WorkerEvent =
  | { readonly type: 'pulse'; readonly up: boolean }
  | { readonly type: 'drain'; readonly because: ExitReason }
  /** Nothing runs and nothing is being asked for any more. */
  | { readonly type: 'drained' };

export const STARTING: WorkerState = { phase: 'starting', pulse: 'undecided' };

/** The worker's state machine. It starts once it is known how to ask for work, and never turns back from going. */
export function nextWorkerState(state: WorkerState, event: WorkerEvent): WorkerState {
  switch (event.type) {
    case 'pulse': {
      const phase = state.phase === 'starting' ? 'listening' : state.phase;
      return { ...state, phase, pulse: event.up ? 'up' : 'down' };
    }
    case 'drain': {
      if (state.phase === 'stopped') return state;
      // Going at once overrules going when all is finished; nothing overrules going at once.
      const because = state.because === 'shutdown' ? 'shutdown' : event.because;
      const firstOrStronger = state.phase !== 'draining' || because === 'shutdown';
      return firstOrStronger ? { ...state, phase: 'draining', because } : state;
    }
    case 'drained':
      return state.phase === 'draining' ? { ...state, phase: 'stopped' } : state;
  }
}
