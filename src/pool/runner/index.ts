/** worker-runner's protocol, and worker-runner as a worker's host. */
export { connectRunner, type RunnerConnection } from './connection.ts';
export { reportThroughRunner } from './report.ts';
export { runnerHost } from './runner-host.ts';
