import { afterEachTurn, requestTurnEnd, turnNumber } from "../transport/turn.ts";

/**
 * The most messages that one connection's handler gets in a turn of the event loop. One read of 64 KiB may hold 9,362, and
 * each may be sent to many: all other connections would wait meanwhile.
 */
export const MAX_MESSAGES_PER_TURN = 256;

/** The most milliseconds that the messages of one connection may take in a turn, roughly. */
const MAX_MS_PER_CONNECTION = 2;

/** The most milliseconds that the messages of all connections may take in a turn. */
const MAX_MS_PER_TURN = 20;

/** To decompress this many bytes takes longer than the rest of a message's way. */
const LONG_WORK = 4 * 1024;

/** The most messages that one connection is granted at once: to count each of them costs a tenth of a short message's way. */
const MAX_GRANT = 32;

/** The positions of two turns are this far apart: more than the messages of a turn. */
const TURN = 2 * MAX_MESSAGES_PER_TURN;

/** Positions stay in 30 bits: the engine keeps such numbers without memory of their own. */
const TURNS = 2 ** 20;

/** A connection whose messages are counted. */
export interface TurnCount {
  /**
   * The turn of the last message, and the number of messages in it, in one number; 0 before the first. Two fields would take 8
   * bytes more for each connection.
   */
  turnPosition: number;
}

/** The turn that is counted. */
let turn = 0;
/** The position of a connection that has got no message in this turn. */
let turnStart = 0;
/** The messages of all connections in this turn, and when the clock was last looked at. */
let messages = 0;
let messagesAtLook = 0;
/** The time of the second message of the turn, and of the last look at the clock. */
let beganAt = 0;
let lookedAt = 0;
/** All connections together have had their time. */
let isOver = false;
/** Messages between two looks at the clock, and of a grant: fewer if they take long, in the turn before too. */
let grantSize = MAX_GRANT;
/** The next message looks at the clock. */
let mustLook = false;
/** The connection that asked last, and the messages that it may still have without asking again. They are counted already. */
let grantee: TurnCount | undefined;
let granted = 0;

/**
 * Counts a message of one connection, also a ping or a pong.
 *
 * @returns whether it is within the budget. If not, it must wait for the next turn
 */
export function countInTurn(connection: TurnCount): boolean {
  if (connection !== grantee || granted === 0) return ask(connection);
  granted--;
  return true;
}

/**
 * Counts the bytes that were decompressed for the last message: those of its payload and of its result. If they are many, the
 * next message of this turn looks at the clock.
 */
export function countWork(bytes: number): void {
  if (bytes <= LONG_WORK) return;
  takeBack();
  mustLook = true;
}

function ask(connection: TurnCount): boolean {
  takeBack();
  if (turn !== turnNumber()) beginTurn();
  if (isOver) return false;
  const before = connection.turnPosition - turnStart;
  const count = before > 0 && before <= MAX_MESSAGES_PER_TURN ? before : 0;
  if (count === MAX_MESSAGES_PER_TURN) return false;
  // From the second message on the turn's end must be seen: the first alone is not worth a call.
  if (messages === 1) beginClock();
  else if ((mustLook || messages - messagesAtLook >= grantSize) && !hasTime(count)) return false;
  const grant = messages === 0 ? 1 : Math.min(grantSize, MAX_MESSAGES_PER_TURN - count);
  messages += grant;
  connection.turnPosition = turnStart + count + grant;
  if (grant === 1) return true;
  grantee = connection;
  granted = grant - 1;
  return true;
}

/** Takes back what was granted and not used. */
function takeBack(): void {
  if (grantee === undefined) return;
  grantee.turnPosition -= granted;
  messages -= granted;
  granted = 0;
  // A connection that is closed must not be kept.
  grantee = undefined;
}

afterEachTurn(takeBack);

function beginTurn(): void {
  turn = turnNumber();
  turnStart = (turn % TURNS) * TURN;
  messages = messagesAtLook = 0;
  isOver = mustLook = false;
}

function beginClock(): void {
  requestTurnEnd();
  beganAt = lookedAt = performance.now();
}

/** Looks at the clock. Returns whether a connection that has had `count` messages in this turn may have one more. */
function hasTime(count: number): boolean {
  const now = performance.now();
  // What a message takes, on average since the last look.
  const each = (now - lookedAt) / Math.max(1, messages - messagesAtLook);
  mustLook = false;
  lookedAt = now;
  messagesAtLook = messages;
  grantSize = Math.max(1, Math.min(MAX_GRANT, Math.floor(MAX_MS_PER_CONNECTION / each)));
  isOver = now - beganAt >= MAX_MS_PER_TURN;
  return !isOver && count * each <= MAX_MS_PER_CONNECTION;
}
