import type { Duplex } from "node:stream";

import { inNoContext } from "./no-context.ts";

/** Where a stream keeps what is done after its `_writev` has returned. */
const waiting = Symbol("hawser after writev");

interface Busy extends Duplex {
  [waiting]?: (() => void)[] | undefined;
  readonly _writableState?: { readonly bufferProcessing?: boolean };
}

/**
 * Whether a stream must not be written to now. Node passes its whole queue to `_writev`, and forgets the queue when that
 * returns: it loses what `_writev` itself has caused to be written, by a synchronous push. Later writes then wait for those.
 */
export function isInsideWritev(stream: Duplex): boolean {
  const busy = stream as Busy;
  if (busy[waiting] !== undefined) return true;
  return typeof busy._writev === "function" && busy._writableState?.bufferProcessing === true;
}

/** Runs `task` at once, or after the `_writev` that runs now, in the order of the calls. */
export function outsideWritev(stream: Duplex, task: () => void): void {
  const busy = stream as Busy;
  if (busy[waiting] !== undefined) busy[waiting].push(task);
  else if (!isInsideWritev(stream)) task();
  else {
    busy[waiting] = [task];
    inNoContext(() => {
      process.nextTick(runWaiting, busy);
    });
  }
}

function runWaiting(stream: Busy): void {
  try {
    // A task writes, and may so cause more of them: they are added, and run after the tasks that wait already.
    for (const task of stream[waiting] ?? []) task();
  } finally {
    stream[waiting] = undefined;
  }
}
