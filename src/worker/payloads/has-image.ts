/** Whether a payload says in which image its command runs, as docker-worker's alone do. */
export function hasImage(payload: unknown): boolean {
  return (
    typeof payload === 'object' &&
    payload !== null &&
    !Array.isArray(payload) &&
    Object.hasOwn(payload, 'image')
  );
}
