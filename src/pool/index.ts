/** Everything about a worker except its tasks: its host, registration, shutdown requests, monitoring and services. */
export { standaloneHost } from './standalone-host.ts';
export { crashReports, type CrashReports } from './crash-reports/index.ts';
export type { Host, ShutdownRequest, PoolProblem } from './host.ts';
export { MonitoringError, openMonitoring, type Monitoring } from './monitoring.ts';
export type { Note } from './note.ts';
export { connectRunner, reportThroughRunner, runnerHost, type RunnerConnection } from './runner/index.ts';
export { connectCloud, spotNotices, type Cloud, type CloudName } from './clouds/index.ts';
export {
  becomeMember,
  giveUp,
  memberHost,
  mergeSettings,
  RegistrationError,
  registrationStore,
  staticProvider,
  type PoolConfiguration,
  type PoolMember,
  type Provider,
  type RegistrationState,
} from './registration/index.ts';
export {
  launchdPlist,
  stateDirectory,
  systemdUnit,
  windowsCommands,
  type Service,
} from './services/index.ts';
