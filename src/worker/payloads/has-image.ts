/** Whether a payload names an image for its command, which only docker-worker's payloads do. */
export function hasImage(payload: unknown): boolean {
  return (
    typeof payload === 'object' &&
    payload !== null &&
    !Array.isArray(payload) &&
    Object.hasOwn(payload, 'image')
  );
}
