import { type TurnEnd, atTurnEnd } from "../stream/turn.ts";

/** What a room is looked for at. */
export interface RoomSource {
  /** No more than `highWaterMark` bytes wait. */
  readonly hasRoom: boolean;
  /** Has `look` called when the stream has taken something, if nothing else would. */
  askForNews(): void;
  /** There is room again. */
  roomAgain(): void;
}

/** Those who wait until no more than `highWaterMark` bytes wait for the peer. A connection has one once somebody has to. */
export class Room implements TurnEnd {
  readonly #source: RoomSource;
  #wanted = false;
  #scheduled = false;
  #asked = false;
  #waiters: ((room: boolean) => void)[] = [];

  constructor(source: RoomSource) {
    this.#source = source;
  }

  /** Somebody waits for its promise. */
  get awaited(): boolean {
    return this.#waiters.length > 0;
  }

  /** Somebody was told that there is none: looks at the end of this turn, when what was sent in it has been tried. */
  want(): void {
    this.#wanted = true;
    this.#schedule();
  }

  /** Settles when there is room: true; when the connection is gone: false. */
  promise(): Promise<boolean> {
    this.want();
    return new Promise((settle) => this.#waiters.push(settle));
  }

  turnEnded(): void {
    this.#scheduled = false;
    if (this.#found() || !this.#wanted || this.#asked) return;
    this.#asked = true;
    this.#source.askForNews();
  }

  /** Something has left. Where that is not enough, it is asked again in the next turn: sizes that never add up stop nobody. */
  news(): void {
    this.#asked = false;
    if (!this.#found() && this.#wanted) this.#schedule();
  }

  /** The connection is gone: there will be none. */
  close(): void {
    this.#wanted = false;
    this.#settle(false);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    atTurnEnd(this);
  }

  /** Whether somebody waits and there is room: then they are told. */
  #found(): boolean {
    if (!this.#wanted || !this.#source.hasRoom) return false;
    this.#wanted = false;
    this.#settle(true);
    this.#source.roomAgain();
    return true;
  }

  #settle(room: boolean): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const settle of waiters) settle(room);
  }
}
