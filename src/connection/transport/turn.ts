import { Fifo } from "../../util/fifo.ts";
import { callInNoContext, inNoContext } from "./no-context.ts";
import { warnOfStream } from "./stream-warnings.ts";

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

/**
 * The most milliseconds for which things that have waited for a turn run in one turn. The others wait once more, so that
 * sockets are read and timers run.
 */
const MAX_MS = 5;

/** Node's own: a test that simulates timers must not stop reading and writing. */
const { setImmediate: nodeSetImmediate } = globalThis;

let waiting: TurnEndListener[] = [];
/** The empty list of the turn before, used again: no garbage per turn. */
let spare: TurnEndListener[] = [];
const afterwards: (() => void)[] = [];
const nextTurn = new Fifo<() => void>();
/** How many of `nextTurn` have waited since a turn before this one. */
let due = 0;
let isScheduled = false;
let number = 0;

/** The number of this turn. Turns are counted only while somebody asks for their end. */
export function turnNumber(): number {
  return number;
}

/** Calls `onTurnEnd()` at the end of this turn. The caller must not ask twice in a turn. */
export function atTurnEnd(listener: TurnEndListener): void {
  waiting.push(listener);
  requestTurnEnd();
}

/** Calls `clear` after the end of every turn, for what is remembered within one turn only. */
export function afterEachTurn(clear: () => void): void {
  afterwards.push(clear);
}

/** Makes sure that the end of this turn is seen, so that what `afterEachTurn` was given is called. */
export function requestTurnEnd(): void {
  if (isScheduled) return;
  isScheduled = true;
  inNoContext(scheduleEnd);
}

/**
 * Calls `run` in the next turn, after the sockets were read, in the order of these calls. When all of them have taken some
 * milliseconds, the rest waits for the turn after that.
 */
export function inNextTurn(run: () => void): void {
  nextTurn.push(run);
  requestTurnEnd();
}

function scheduleEnd(): void {
  nodeSetImmediate(endTurn);
}

function endTurn(): void {
  // What has waited runs first, and is counted together with what is read next.
  number++;
  if (due > 0) runDue();
  isScheduled = false;
  const ending = waiting;
  waiting = spare;
  for (const listener of ending) end(listener);
  for (const clear of afterwards) clear();
  ending.length = 0;
  spare = ending;
  due = nextTurn.length;
  if (due > 0) requestTurnEnd();
}

function runDue(): void {
  const start = performance.now();
  do {
    due--;
    try {
      callInNoContext(nextTurn.shift()!);
    } catch (error) {
      // It is reported as if it had been thrown alone: the others get their turn.
      queueMicrotask(() => {
        throw error;
      });
    }
  } while (due > 0 && performance.now() - start < MAX_MS);
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
    warnOfStream("A stream threw when it was destroyed");
  }
}
