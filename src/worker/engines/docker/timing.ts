/** How long an engine may take before a run goes on without it, in ms. */
export interface DockerTiming {
  /** To make a container: it copies what the image has in its volumes. */
  readonly createMs: number;
  readonly startMs: number;
  /** To end a container. */
  readonly endMs: number;
  /** How often it is asked whether it lives while a container runs, and how long it may take to answer. */
  readonly beatMs: number;
  readonly answerMs: number;
  /** How long it may take to say that it is there, before a task is claimed for it. */
  readonly promptMs: number;
  /** How often the removal of what a call without an answer may have made is tried, in ms. */
  readonly againMs: number;
  /** How long after such a call the engine may still make it. */
  readonly lateMs: number;
  /** What it may pause in the middle of an archive. */
  readonly silenceMs: number;
  /** How long it may be away once it was there, as while it is restarted. */
  readonly absentMs: number;
}

export const USUAL_TIMING: DockerTiming = {
  createMs: 5 * 60_000,
  startMs: 2 * 60_000,
  endMs: 30_000,
  beatMs: 30_000,
  answerMs: 60_000,
  promptMs: 20_000,
  againMs: 5_000,
  lateMs: 60_000,
  silenceMs: 60_000,
  absentMs: 30_000,
};
