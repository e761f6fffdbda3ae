/**
 * Stops a server when the process is told to end: SIGTERM by whoever runs it, SIGINT from the keyboard. `stop` terminates
 * the WebSocket servers first: new clients get 503, those who are connected 1001 behind what was sent to them.
 */
export function stopWhenTold(stop: () => Promise<void>): void {
  for (const signal of ["SIGTERM", "SIGINT"]) {
    process.once(signal, () => void stop().then(() => process.exit()));
  }
}
