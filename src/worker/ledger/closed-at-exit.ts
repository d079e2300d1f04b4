const open = new Set<() => void>();

/**
 * Sees that something is closed when the process ends by itself, if not before: a worker that is told to go before it
 * works, or a second time, does not wait for what it is doing.
 *
 * @param close may not wait for anything, nor throw
 * @returns closes it, the first time that it is called
 */
export function closedAtExit(close: () => void): () => void {
  const once = () => {
    if (!open.delete(once)) return;
    if (open.size === 0) process.off('exit', closeAll);
    close();
  };
  if (open.size === 0) process.on('exit', closeAll);
  open.add(once);
  return once;
}

function closeAll(): void {
  for (const close of open) close();
}
