import { requestTurnEnd, turnNumber } from "../transport/turn.ts";

/**
 * The most messages that one connection's handler gets in a turn of the event loop. One read of 64 KiB may hold 9,362, and
 * each may be sent to many: all other connections would wait meanwhile.
 */
export const MAX_MESSAGES_PER_TURN = 256;

/** The most milliseconds that the messages of one connection may take in a turn, roughly. */
const MAX_MS_PER_CONNECTION = 5;

/** The most milliseconds that the messages of all connections may take in a turn. */
const MAX_MS_PER_TURN = 20;

/** Messages between two looks at the clock: to look for each costs too much. */
const LOOK_INTERVAL = 32;

/** The positions of two turns are this far apart: more than the messages of a turn. */
const TURN = 2 * MAX_MESSAGES_PER_TURN;

/** Positions stay in 30 bits: the engine keeps such numbers without memory of their own. */
const TURNS = 2 ** 20;

/** The turn that is counted. */
let turn = 0;
/** The position of a connection that has got no message in this turn. */
let turnStart = 0;
/** The messages of all connections in this turn. */
let messages = 0;
/** The time of the second message of the turn, and of the last look at the clock. */
let beganAt = 0;
let lookedAt = 0;
/** All connections together have had their time. */
let isOver = false;

/**
 * Counts a message of one connection.
 *
 * @param position what this returned for the connection's message before, 0 before the first: the turn, and the number of
 *   messages in it, in one number. Two fields would take 8 bytes more for each connection
 * @returns the new position; undefined if the message must wait for the next turn
 */
export function countInTurn(position: number): number | undefined {
  if (turn !== turnNumber()) beginTurn();
  if (isOver) return undefined;
  const before = position - turnStart;
  const count = before > 0 && before <= MAX_MESSAGES_PER_TURN ? before : 0;
  if (count === MAX_MESSAGES_PER_TURN) return undefined;
  messages++;
  // From the second message on the turn's end must be seen: the first alone is not worth a call.
  if (messages === 2) beginClock();
  else if (messages % LOOK_INTERVAL === 0 && !hasTime(count)) return undefined;
  return turnStart + count + 1;
}

function beginTurn(): void {
  turn = turnNumber();
  turnStart = (turn % TURNS) * TURN;
  messages = 0;
  isOver = false;
}

function beginClock(): void {
  requestTurnEnd();
  beganAt = lookedAt = performance.now();
}

/** Looks at the clock. Returns whether a connection that has had `count` messages in this turn may have one more. */
function hasTime(count: number): boolean {
  const now = performance.now();
  // What a message takes, on average since the last look.
  const each = (now - lookedAt) / LOOK_INTERVAL;
  lookedAt = now;
  isOver = now - beganAt >= MAX_MS_PER_TURN;
  return !isOver && count * each <= MAX_MS_PER_CONNECTION;
}
