/**
 * The end of a turn of the event loop, once for all who have something to do then. `setImmediate` runs right after
 * the sockets were read, so everything that one round of reading caused is seen together.
 */

/** Something to do at the end of the turn. */
export interface TurnEnd {
  /** Called once for each `atTurnEnd`. Must not throw. */
  onTurnEnd(): void;
}

let waiting: TurnEnd[] = [];
/** The list of the turn before, empty, to be used again: no garbage per turn. */
let spare: TurnEnd[] = [];
const afterwards: (() => void)[] = [];

/** Has `turnEnded()` called at the end of this turn. The caller sees to it that it does not ask twice. */
export function atTurnEnd(who: TurnEnd): void {
  if (waiting.push(who) === 1) setImmediate(endTurn);
}

/** Has `clear` called after every turn's end, for what is remembered within one turn only. */
export function afterEachTurn(clear: () => void): void {
  afterwards.push(clear);
}

function endTurn(): void {
  const ending = waiting;
  waiting = spare;
  try {
    for (const who of ending) who.onTurnEnd();
    for (const clear of afterwards) clear();
  } finally {
    ending.length = 0;
    spare = ending;
  }
}
