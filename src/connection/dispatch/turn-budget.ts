import { afterEachTurn, requestTurnEnd } from "../transport/turn.ts";

/**
 * The most messages that one connection's handler gets in a turn of the event loop. One read of 64 KiB may hold 9,362, and
 * each may be sent to many: all other connections would wait meanwhile.
 */
export const MAX_MESSAGES_PER_TURN = 256;

/** The most milliseconds that they may take. It is noticed after `CLOCK_INTERVAL` messages: to ask the time for each costs too much. */
const MAX_MS_PER_TURN = 2;

/** Messages between two looks at the clock. */
const CLOCK_INTERVAL = 8;

/** The turns are this far apart: more than the messages of a turn. */
const TURN = 2 * MAX_MESSAGES_PER_TURN;

/** Positions stay in 31 bits: the engine keeps such numbers without memory of their own. */
const MAX_POSITION = 2 ** 30 - TURN;

/** The position of a connection that has got no message in this turn. */
let turnStart = 0;

/** The time of the first look at the clock for the connection whose messages are being delivered. */
let clockStart = 0;

afterEachTurn(() => {
  turnStart = turnStart < MAX_POSITION ? turnStart + TURN : 0;
});

/**
 * Counts a message of one connection.
 *
 * @param position what this returned for the connection's message before, 0 before the first: the turn, and the number of
 *   messages in it, in one number. Two fields would take 8 bytes more for each connection
 * @returns the new position; undefined if the connection has had its messages of this turn
 */
export function countInTurn(position: number): number | undefined {
  const count = position - turnStart;
  if (count <= 0 || count > MAX_MESSAGES_PER_TURN) return turnStart + 1;
  // From the second message on the turn's end must be seen: the first alone is not worth a call.
  if (count === 1) requestTurnEnd();
  else if (count === MAX_MESSAGES_PER_TURN) return undefined;
  else if (count % CLOCK_INTERVAL === 0 && isTimeOver(count)) return undefined;
  return position + 1;
}

function isTimeOver(count: number): boolean {
  const now = performance.now();
  if (count === CLOCK_INTERVAL) clockStart = now;
  return now - clockStart >= MAX_MS_PER_TURN;
}
