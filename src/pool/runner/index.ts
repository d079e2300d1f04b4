/** worker-runner's protocol, and the host for a worker under worker-runner. */
export { connectRunner, type RunnerConnection } from './connection.ts';
export { reportThroughRunner } from './report.ts';
export { runnerHost } from './runner-host.ts';
