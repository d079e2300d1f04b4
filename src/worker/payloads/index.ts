/** The formats in which tasks are written, each read into a TaskSpec. */
export { scriptFormat } from './script.ts';
export { payloadsOf, type Payloads, type ReadPayload } from './read-payload.ts';
