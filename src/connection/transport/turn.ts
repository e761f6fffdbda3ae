import { inNoContext } from "./no-context.ts";

/**
 * The end of a turn of the event loop, with one `setImmediate` for all objects that have something to do then. It runs right
 * after the sockets were read, so it sees everything that one round of reading caused.
 */

/** Something to do at the end of the turn. */
export interface TurnEndListener {
  /** Called once for each `atTurnEnd`. */
  onTurnEnd(): void;
  /** `onTurnEnd` has thrown: memory was refused, or a user's own stream threw. Only this listener's connection ends. */
  onTurnEndFailed(error: unknown): void;
}

let waiting: TurnEndListener[] = [];
/** The empty list of the turn before, used again: no garbage per turn. */
let spare: TurnEndListener[] = [];
const afterwards: (() => void)[] = [];

/** Calls `onTurnEnd()` at the end of this turn. The caller must not ask twice in a turn. */
export function atTurnEnd(listener: TurnEndListener): void {
  if (waiting.push(listener) === 1) inNoContext(scheduleEnd);
}

/** Calls `clear` after the end of every turn, for what is remembered within one turn only. */
export function afterEachTurn(clear: () => void): void {
  afterwards.push(clear);
}

function scheduleEnd(): void {
  setImmediate(endTurn);
}

function endTurn(): void {
  const ending = waiting;
  waiting = spare;
  for (const listener of ending) end(listener);
  for (const clear of afterwards) clear();
  ending.length = 0;
  spare = ending;
}

/** One listener that throws must not keep the others from their turn. */
function end(listener: TurnEndListener): void {
  try {
    listener.onTurnEnd();
  } catch (error) {
    endFailed(listener, error);
  }
}

function endFailed(listener: TurnEndListener, error: unknown): void {
  try {
    listener.onTurnEndFailed(error);
  } catch {
    // Not even the stream's `destroy` works: nothing more can be done for this connection.
    process.emitWarning("A stream threw when it was destroyed", { type: "HawserWarning", code: "HWS_STREAM_STUCK" });
  }
}
