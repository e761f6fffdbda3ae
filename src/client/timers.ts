/** A timer that does not keep a process of Node running. */
export function setTimeoutUnref(callback: () => void, ms: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(callback, ms);
  // In a browser it is a number.
  (timer as { unref?: () => void }).unref?.();
  return timer;
}
