/** Resolves after `ms` milliseconds, 0: at once: the time that somebody has who closes. It keeps no process alive. */
export function within(ms: number): Promise<void> {
  return ms === 0 ? Promise.resolve() : new Promise((resolve) => void setTimeout(resolve, ms).unref());
}
