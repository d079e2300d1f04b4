export { health, PROBLEM_KINDS, type HealthReport } from './health.ts';
export { healthRoutes } from './health-routes.ts';
export { monitoringServer, type Routes } from './monitoring-server.ts';
export { systemdNotices } from './systemd.ts';
