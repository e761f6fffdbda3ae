import { type Bytes, allocate } from "../../protocol/bytes.ts";
import { afterEachTurn } from "../transport/turn.ts";

/**
 * A run of frames that many connections send alike: the run before it plus one frame. A connection's pending output
 * is a pointer into this chain, and each run remembers its successor, so 500 receivers of the same 16 frames walk the
 * same 16 runs and write one shared buffer: 15 times as many deliveries as with a write for each.
 */
export class SharedFrames {
  readonly #before: SharedFrames | undefined;
  readonly #frame: Bytes;
  /** Bytes of all its frames. */
  readonly size: number;
  #next: SharedFrames | undefined;
  #joined: Bytes | undefined;

  private constructor(before: SharedFrames | undefined, frame: Bytes) {
    this.#before = before;
    this.#frame = frame;
    this.size = (before === undefined ? 0 : before.size) + frame.length;
  }

  /** The run of `frame` alone, or behind `before`: the same object for all who ask for the same in one turn. */
  static after(before: SharedFrames | undefined, frame: Bytes): SharedFrames {
    const known = before === undefined ? first : before.#next;
    if (known !== undefined && known.#frame === frame) return known;
    const batch = new SharedFrames(before, frame);
    if (before === undefined) first = batch;
    else before.#next = batch;
    return batch;
  }

  /** All its frames as one piece of memory, joined once for all receivers. */
  get bytes(): Bytes {
    if (this.#before === undefined) return this.#frame;
    this.#joined ??= this.#join();
    return this.#joined;
  }

  #join(): Bytes {
    const joined = allocate(this.size);
    joined.set(this.#frame, this.size - this.#frame.length);
    for (let batch = this.#before; batch !== undefined; batch = batch.#before) {
      joined.set(batch.#frame, batch.size - batch.#frame.length);
    }
    return joined;
  }
}

/** The run of one frame that was begun last, so that the next receiver finds it. */
let first: SharedFrames | undefined;

afterEachTurn(() => {
  first = undefined;
});
