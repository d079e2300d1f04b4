/** What differs from run to run in the log of a task, and what a page shows in its place. */
const VARIABLE: readonly (readonly [RegExp, string])[] = [
  [/^\[taskcluster(:warn)? [^\]]*\]/, '[taskcluster$1 …]'],
  [/[^\s'"]*\/tcw-dev-[^/]*/g, '…'],
  [/\b(cache-)[\w-]{22}/g, '$1…'],
  [/\b[0-9a-f]{32}\.download/g, '….download'],
  [/\b[0-9a-f]{64}\b/g, '…'],
  [/(?<=\btask )[\w-]{22}/g, '…'],
  [/(?<=expiry ).*/, '…'],
  [/(?<=public key is ).*/, '…'],
  [/(?<=Downloaded )\d+/, '…'],
  [/(?<=(?:Time|Duration|Memory|Used|Processes|Storage): ).*/, '…'],
];
/** In the summary of a command only if it was slow enough to be looked at. */
const SEEN_IF_SLOW = / (?:Peak Memory of All Processes|[\w ]*System Memory(?: Used)?): /;

/**
 * The log of one task of a session of `tcw dev`, from its first line on that is about the task, without what differs from
 * run to run.
 */
export function shownLog(stdout: string, task: string): string {
  const prefix = `${task} | `;
  const lines = stdout
    .split('\n')
    .filter(line => line.startsWith(prefix))
    .map(line => line.slice(prefix.length));
  const begin = lines.findIndex(line => line.includes('] Task ID: '));
  const last = lines.findLastIndex(line => line.includes('] Executing command '));
  return (
    lines
      .slice(begin)
      .filter((line, index) => index + begin > last || !SEEN_IF_SLOW.test(line))
      // Whoever may have the configured port is not told of another.
      .filter(line => !line.includes('[taskcluster-proxy] Listening on port'))
      .map(line => VARIABLE.reduce((text, [pattern, shown]) => text.replace(pattern, shown), line))
      .join('\n')
  );
}
