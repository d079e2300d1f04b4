/** The payload formats. Each payload is read into a TaskSpec. */
export { scriptFormat } from './script.ts';
export { payloadsOf, type Payloads, type ReadPayload } from './read-payload.ts';
