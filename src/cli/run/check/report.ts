import { withoutSecrets } from '../../output/final-messages.ts';
import { printable } from '../../output/printable.ts';
import { GROUPS, type Finding } from './findings.ts';

/** The report as JSON, for scripts. */
interface JsonReport {
  readonly exitCode: number;
  readonly checks: readonly Finding[];
}

/** Formats the findings without secrets, as JSON or as text: one line per finding, below the name of its group. */
export function reportOf(findings: readonly Finding[], exitCode: number, asJson: boolean): string {
  const checks = findings.map(finding => ({
    ...finding,
    message: printable(withoutSecrets(finding.message)),
  }));
  if (asJson) {
    const report: JsonReport = { exitCode, checks };
    return `${JSON.stringify(report, undefined, 2)}\n`;
  }
  const groups = GROUPS.flatMap(group => {
    const lines = checks.filter(check => check.group === group);
    if (lines.length === 0) return [];
    return [group, ...lines.map(({ verdict, message }) => `  ${verdict.padEnd(4)}  ${message}`), ''];
  });
  return `${[...groups, conclusion(checks, exitCode)].join('\n')}\n`;
}

function conclusion(checks: readonly Finding[], exitCode: number): string {
  const count = (verdict: Finding['verdict']) => checks.filter(check => check.verdict === verdict).length;
  const [failed, warned, skipped] = [count('fail'), count('warn'), count('skip')];
  const remarks = [
    ...(warned > 0 ? [warned === 1 ? '1 warning' : `${warned} warnings`] : []),
    ...(skipped > 0 ? [`${skipped} not tried`] : []),
  ];
  const rest = remarks.length > 0 ? ` (${remarks.join(', ')})` : '';
  if (failed === 0) return `tcw run would start and ask for work${rest}`;
  const checksFailed = failed === 1 ? '1 check failed' : `${failed} checks failed`;
  return `${checksFailed}${rest}: tcw run would not work; exit code ${exitCode}`;
}
