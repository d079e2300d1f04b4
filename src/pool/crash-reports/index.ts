export { crashReports, type CrashReports } from './crash-reports.ts';
