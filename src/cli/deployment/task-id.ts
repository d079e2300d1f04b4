import { Failure } from '../words/failure.ts';

/** A slugid, in the form that the queue accepts. */
const TASK_ID = /^[\w-]{8}[Q-T][\w-][CGKOSWaeimquy26-][\w-]{10}[AQgw]$/;

/** @throws Failure with the exit code, if the text is not a task ID */
export function assertTaskId(text: string, exitCode: number): void {
  if (!TASK_ID.test(text)) throw new Failure(exitCode, `${JSON.stringify(text)} is not a task ID`);
}
