import { getMaxListeners, setMaxListeners } from "node:events";

import { attempt } from "../../util/attempt.ts";

/** Lets one more client listen to a signal while it lives: Node warns of a leak if more than 10 share one, which is no mistake here. */
export function shareSignal(signal: AbortSignal | undefined, ended: Promise<unknown>): void {
  if (signal === undefined) return;
  addPlaces(signal, 1);
  void ended.then(() => addPlaces(signal, -1));
}

function addPlaces(signal: AbortSignal, more: number): void {
  // Without a limit it is 0, or Node 20 throws. Newer versions have none by default.
  const most = attempt(() => getMaxListeners(signal)) ?? 0;
  if (most > 0) setMaxListeners(Math.max(1, most + more), signal);
}
