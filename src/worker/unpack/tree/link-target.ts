/**
 * Whether a symbolic link leads to a place inside the folder, whatever other links are created in it before or
 * after.
 *
 * It does if its target first goes up, but not above the folder, and then only down. On the way down it may
 * meet other links, each of which stays inside for the same reason. A target that goes down and up again may go
 * up from wherever another link has led.
 *
 * @param path the link's own path below the folder, without links on the way
 */
export function staysInside(path: string, target: string): boolean {
  if (target === '' || target.startsWith('/') || target.includes('\0')) return false;
  const parts = target.split('/').filter(part => part !== '' && part !== '.');
  const down = parts.findIndex(part => part !== '..');
  const ups = down === -1 ? parts.length : down;
  const depth = path.split('/').length - 1;
  return ups <= depth && !parts.includes('..', ups);
}
