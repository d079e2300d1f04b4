import type { HealthReport } from './health.ts';
import type { Routes } from './monitoring-server.ts';

/**
 * The HTTP routes for the two health checks of supervisors. Answers are JSON, for people who want to know the reason.
 */
export function healthRoutes(report: () => HealthReport): Routes {
  return {
    '/healthz': () => answer(report(), ({ canWork }) => canWork, 'cannot work'),
    '/readyz': () => answer(report(), ({ isReady }) => isReady, 'not ready'),
  };
}

function answer(report: HealthReport, isGood: (report: HealthReport) => boolean, otherwise: string) {
  const { phase, pulse, slots, problems, pausedBy } = report;
  const good = isGood(report);
  const rounded = problems.map(problem => ({ ...problem, forSeconds: Math.round(problem.forSeconds) }));
  const body = { status: good ? 'ok' : otherwise, phase, pulse, slots, problems: rounded, pausedBy };
  return {
    statusCode: good ? 200 : 503,
    contentType: 'application/json',
    body: `${JSON.stringify(body)}\n`,
  };
}
