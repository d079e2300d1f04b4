/** Time limits for an engine, in ms. */
export interface DockerTiming {
  /** To create a container. The engine copies the image's content into its volumes. */
  readonly createMs: number;
  readonly startMs: number;
  /** To end a container. */
  readonly endMs: number;
  /** How often the engine is pinged while a container runs, and how long it may take to answer. */
  readonly beatMs: number;
  readonly answerMs: number;
  /** How long the ping before a claim may take. */
  readonly promptMs: number;
  /** Pause between two tries to remove what a call without an answer may have created. */
  readonly againMs: number;
  /** How long after such a call the engine may still create it. */
  readonly lateMs: number;
  /** Longest pause within an archive. */
  readonly silenceMs: number;
  /** How long calls wait for an engine that has stopped listening, as during a restart. */
  readonly absentMs: number;
}

export const DEFAULT_TIMING: DockerTiming = {
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
