import { readFileSync } from 'node:fs';

/** Returns the groups in the machine's own file, by name. */
export function machineGroups(): ReadonlyMap<string, number> {
  const lines = readFileSync('/etc/group', 'utf8').split('\n');
  return new Map(
    lines.flatMap(line => {
      const [name = '', , gid = ''] = line.split(':');
      return /^\d+$/.test(gid) ? [[name, Number(gid)] as const] : [];
    }),
  );
}
