/**
 * Whether a symbolic link leads to a place inside of the folder, whatever other links are made in it before or after.
 *
 * It does if it goes up first, not above the folder, and then only down: on the way down it may come to other links, each
 * of which stays inside for the same reason. One that goes down and up again may go up from wherever another link has led.
 *
 * @param path where the link lies below the folder, behind no other link
 */
export function staysInside(path: string, target: string): boolean {
  if (target === '' || target.startsWith('/') || target.includes('\0')) return false;
  const parts = target.split('/').filter(part => part !== '' && part !== '.');
  const down = parts.findIndex(part => part !== '..');
  const ups = down === -1 ? parts.length : down;
  const depth = path.split('/').length - 1;
  return ups <= depth && !parts.includes('..', ups);
}
