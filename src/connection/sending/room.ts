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
    if (this.#scheduled) return;
    this.#scheduled = true;
    atTurnEnd(this);
  }

  /** Settles when there is room: true; when the connection is gone: false. */
  promise(): Promise<boolean> {
    this.want();
    return new Promise((settle) => this.#waiters.push(settle));
  }

  turnEnded(): void {
    this.#scheduled = false;
    this.#look();
  }

  /** Something has left. */
  news(): void {
    this.#asked = false;
    this.#look();
  }

  /** The connection is gone: there will be none. */
  close(): void {
    this.#wanted = false;
    this.#settle(false);
  }

  #look(): void {
    if (!this.#wanted) return;
    if (this.#source.hasRoom) {
      this.#wanted = false;
      this.#settle(true);
      this.#source.roomAgain();
    } else if (!this.#asked) {
      this.#asked = true;
      this.#source.askForNews();
    }
  }

  #settle(room: boolean): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const settle of waiters) settle(room);
  }
}
