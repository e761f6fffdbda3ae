import type { Duplex } from "node:stream";

import { type Bytes, asBytes } from "../../protocol/bytes.ts";
import { FIN, fragments, headerSize, serializeFrame, writeHeader } from "../../protocol/writer.ts";
import { Opcode } from "../../protocol/opcodes.ts";
import { Batch } from "./batch.ts";
import { Outlet } from "./outlet.ts";
import { JOINED_BELOW, type Piece, Pieces } from "./pieces.ts";
import { Pongs } from "./pongs.ts";
import { LARGEST_CUT, type Slab, slabFor } from "./slab.ts";
import type { SendingSettings } from "./settings.ts";
import { MAX_JOINED, MAX_TEXTS, TEXT_HEADER, encodeTexts, isPlain, textHeader, writeText } from "./text.ts";
import { memoryChanged } from "../stream/direct-write.ts";
import { type TurnEnd, atTurnEnd } from "../stream/turn.ts";

/** How all outboxes of a server write. */
export type OutboxRules = Pick<SendingSettings, "fragmentSize" | "maxPongQueue" | "tally">;

/**
 * What a connection has still to write. Frames of one turn of the event loop leave in one write:
 *
 * - texts are joined as strings as long as nothing else comes (the open *texts*): one native call encodes them all
 *   (0.90 times the CPU of an echo with 64 in flight),
 * - other private frames are encoded side by side into the slab (a *run*),
 * - frames that others send too are a pointer into a chain of batches (see `Batch`),
 * - large payloads are not copied.
 *
 * Texts, a run or a batch are open until something of another kind comes; then they are sealed as one of the `pieces`.
 * There is never more than one of them.
 */
export class Outbox extends Outlet implements TurnEnd {
  readonly #rules: OutboxRules;

  // The open run: slab memory from #from to #to.
  #slab: Slab | undefined;
  #from = 0;
  #to = 0;
  /** The open batch. */
  #batch: Batch | undefined;
  /** The open texts, headers and all, one character a byte as far as they are ASCII. */
  #texts = "";
  /** The bytes above 0x7f in the headers of `#texts`. */
  #high = 0;
  /** The last text was ASCII. Where it was not, joining the next would be in vain. */
  #plain = true;
  #pieces: Pieces | undefined;
  #pongs: Pongs | undefined;
  /** Messages in the open texts, run or batch. */
  #messages = 0;
  #written = 0;

  #size = 0;
  #held = false;
  #scheduled = false;
  #ending = false;

  /**
   * @param stream what is written to
   * @param socket whether the stream is a socket of Node's own, and takes strings
   */
  constructor(stream: Duplex, socket: boolean, rules: OutboxRules) {
    super(stream, socket);
    this.#rules = rules;
  }

  /** Messages that were handed to the stream. */
  get written(): number {
    return this.#written;
  }

  /** Messages that wait here. */
  get pending(): number {
    return this.#messages + (this.#pieces === undefined ? 0 : this.#pieces.messages);
  }

  /** Bytes that have not reached the operating system yet. */
  get size(): number {
    if (this.#texts !== "" && !isPlain(this.#texts, this.#high)) this.#encode();
    return this.leastSize;
  }

  /** What `size` is at least: texts that are not encoded yet count as if they were ASCII. It costs nothing to ask. */
  get leastSize(): number {
    return this.#size + this.inStream;
  }

  protected get waiting(): number {
    return this.leastSize;
  }

  /** Hands the answer to the handshake to the stream, latin1 text, where it waits for the first frames. */
  open(preamble: string): void {
    this.cork();
    this.put(preamble, false);
  }

  /** Writes the answer to the handshake, and what has been written behind it, at once. */
  opened(): void {
    this.letGo();
  }

  /** Adds a text message. */
  text(text: string): void {
    const room = TEXT_HEADER + text.length * 3;
    if (room > LARGEST_CUT || text.length * 3 > this.#rules.fragmentSize) {
      this.message(Opcode.text, asBytes(Buffer.from(text)));
      return;
    }
    if (this.#joins(text)) {
      this.#join(text);
      return;
    }
    const slab = this.#openRun(room);
    const end = writeText(slab.bytes, slab.used, text);
    this.#plain = end - slab.used === text.length + headerSize(text.length, false);
    this.#closeCut(slab, end);
    this.#messages++;
  }

  /** Adds a message. A payload of more than `LARGEST_CUT` bytes is not copied: it must stay as it is until it is sent. */
  message(opcode: number, payload: Bytes): void {
    const { fragmentSize } = this.#rules;
    if (payload.length <= fragmentSize) {
      this.#frame(opcode | FIN, payload, 1);
      return;
    }
    for (const { first, start, end } of fragments(opcode, payload.length, fragmentSize)) {
      this.#frame(first, payload.subarray(start, end), end === payload.length ? 1 : 0);
    }
  }

  /** Adds a whole frame that others send too. */
  shared(frame: Bytes): void {
    if (this.full && frame.length < JOINED_BELOW) {
      // While it waits, what is short costs less as a copy in the run than as a piece of its own.
      const slab = this.#openRun(frame.length);
      slab.bytes.set(frame, slab.used);
      this.#closeCut(slab, slab.used + frame.length);
      this.#messages++;
      return;
    }
    if (frame.length > LARGEST_CUT) {
      this.#addPiece("shared", frame, 1);
      return;
    }
    if (this.#slab !== undefined || this.#texts !== "") this.#seal();
    this.#batch = Batch.after(this.#batch, frame);
    this.#messages++;
    this.#added(frame.length);
    if (this.#batch.size > LARGEST_CUT) this.#seal();
  }

  /** Adds a ping, or the answer to one. Where the stream is full it overtakes the data that waits here. */
  control(opcode: typeof Opcode.ping | typeof Opcode.pong, payload: Bytes): void {
    // What has gathered may be more than the stream takes: then this goes before the rest of it.
    if (this.#size > LARGEST_CUT) this.flush();
    if (!this.full) this.#frame(opcode | FIN, payload, 0);
    else if (opcode === Opcode.ping) this.put(serializeFrame(opcode | FIN, payload), false);
    else {
      this.#pongs ??= new Pongs();
      this.#pongs.add(serializeFrame(opcode | FIN, payload), this.#rules.maxPongQueue, this.#rules.tally);
    }
  }

  /** Adds the close frame behind all data. */
  close(body: Bytes): void {
    this.#frame(Opcode.close | FIN, body, 0);
  }

  /** Makes way for a last frame: forgets what waits for a stream that is full. Returns how many messages that was. */
  yield(): number {
    return this.full ? this.drop() : 0;
  }

  /** Forgets what has not been handed to the stream yet. Returns how many messages that was. */
  drop(): number {
    const lost = this.pending;
    this.#slab = this.#batch = undefined;
    this.#pieces = this.#pongs = undefined;
    this.#texts = "";
    this.#high = this.#size = this.#messages = 0;
    this.account();
    return lost;
  }

  /** The stream is gone, and all that waited with it. Returns how many messages that was. */
  gone(): number {
    const lost = this.drop();
    this.forget();
    return lost;
  }

  /** Writes now what was added, and does not wait for the end of the turn. */
  flush(): void {
    if (this.#size > 0 && !this.full) this.#flush();
  }

  /** Writes nothing until `release()`: the caller is in the middle of a chunk and more answers may come. */
  hold(): void {
    this.#held = true;
  }

  /** Writes what was added since `hold()`. */
  release(): void {
    this.#held = false;
    if (this.#size > 0) this.#settle();
  }

  /** The stream has room again. */
  drained(): void {
    this.setFull(false);
    if (this.#pongs !== undefined) for (const pong of this.#pongs.take()) this.put(pong, false);
    if (this.#size > 0) this.#settle();
    if (this.#ending && this.#size === 0) this.endStream();
  }

  /** Nothing is added any more: what waits is written as the stream takes it, and the stream ended behind that. */
  end(): void {
    this.#ending = true;
    this.#pongs = undefined;
    this.flush();
    if (this.#size === 0) this.endStream();
  }

  /** The end of a turn in which something was added. */
  turnEnded(): void {
    this.#scheduled = false;
    if (this.#size > 0) this.#settle();
  }

  #settle(): void {
    if (!this.full) this.#flush();
    else this.#seal();
  }

  #joins(text: string): boolean {
    if (!this.#plain || !this.socket || text.length > MAX_JOINED) return false;
    if (this.#texts !== "") return this.#texts.length + text.length <= MAX_TEXTS;
    return this.#slab === undefined && this.#batch === undefined && this.#pieces === undefined;
  }

  #join(text: string): void {
    const header = textHeader(text.length);
    this.#texts += header.text + text;
    this.#high += header.high;
    this.#messages++;
    this.#added(header.text.length + text.length);
  }

  /** Makes a run of the open texts. */
  #encode(): void {
    const texts = this.#texts;
    const plain = isPlain(texts, this.#high);
    this.#texts = "";
    this.#high = 0;
    this.#size -= texts.length;
    this.#plain = plain;
    if (plain && texts.length <= LARGEST_CUT) {
      const slab = this.#openRun(texts.length);
      this.#closeCut(slab, slab.used + slab.bytes.latin1Write(texts, slab.used));
    } else {
      const frames = encodeTexts(texts);
      this.#push("run", frames);
      this.#added(frames.length);
    }
  }

  /** Adds a frame. `messages`: how many end in it, one or none. */
  #frame(first: number, payload: Bytes, messages: number): void {
    const header = headerSize(payload.length, false);
    const copied = payload.length <= LARGEST_CUT;
    const slab = this.#openRun(header + (copied ? payload.length : 0));
    const body = writeHeader(slab.bytes, slab.used, first, payload.length);
    if (copied) slab.bytes.set(payload, body);
    this.#closeCut(slab, copied ? body + payload.length : body);
    if (copied) this.#messages += messages;
    else this.#addPiece("payload", payload, messages);
  }

  #addPiece(kind: Piece["kind"], bytes: Bytes, messages: number): void {
    this.#seal();
    this.#messages = messages;
    this.#push(kind, bytes);
    this.#added(bytes.length);
  }

  /** Makes a piece of `bytes`, in which the messages end that were counted. */
  #push(kind: Piece["kind"], bytes: Bytes): void {
    this.#pieces ??= new Pieces();
    this.#pieces.push(kind, bytes, this.#messages);
    this.#messages = 0;
  }

  /** A slab with `room` bytes behind its `used`, where this connection's run goes on or begins. */
  #openRun(room: number): Slab {
    if (this.#texts !== "") this.#encode();
    const open = this.#slab;
    if (open?.used === this.#to && open.bytes.length - this.#to >= room) return open;
    this.#seal();
    const slab = slabFor(room);
    this.#slab = slab;
    this.#from = this.#to = slab.used;
    return slab;
  }

  /** The run now reaches to `end`. */
  #closeCut(slab: Slab, end: number): void {
    this.#added(end - slab.used);
    slab.used = this.#to = end;
  }

  #added(bytes: number): void {
    this.#size += bytes;
    this.account();
    if (this.#held || this.#scheduled) return;
    this.#scheduled = true;
    atTurnEnd(this);
  }

  /** Makes a piece of the open run or batch. */
  #seal(): void {
    if (this.#texts !== "") this.#encode();
    if (this.#slab !== undefined) this.#sealRun(this.#slab);
    else if (this.#batch !== undefined) this.#push("shared", this.#batch.bytes);
    this.#slab = this.#batch = undefined;
  }

  #sealRun(slab: Slab): void {
    const run = slab.bytes.subarray(this.#from, this.#to);
    if (!this.full) {
      this.#push("run", run);
      return;
    }
    this.#pieces ??= new Pieces();
    this.#pieces.pushWaiting(run, this.#messages);
    this.#messages = 0;
    if (slab.used === this.#to) slab.used = this.#from;
  }

  /** Writes what there is, as far as the stream takes it. */
  #flush(): void {
    if (this.#texts !== "") this.#writeTexts();
    else if (this.#pieces !== undefined) this.#writePieces();
    else if (this.#slab !== undefined) this.#writeRun(this.#slab);
    else if (this.#batch !== undefined) {
      const { bytes } = this.#batch;
      this.#batch = undefined;
      this.#size = 0;
      this.#countWritten();
      this.put(bytes, true);
    }
  }

  /** All that was counted is being handed to the stream. */
  #countWritten(): void {
    this.#written += this.#messages;
    this.#messages = 0;
  }

  #writeTexts(): void {
    const texts = this.#texts;
    if (!isPlain(texts, this.#high)) {
      this.#encode();
      this.#flush();
      return;
    }
    this.#texts = "";
    this.#high = this.#size = 0;
    this.#countWritten();
    // A string, and the stream encodes it on the stack: no memory of ours, no view of it.
    this.put(texts, false);
  }

  #writeRun(slab: Slab): void {
    this.#slab = undefined;
    this.#size = 0;
    this.#countWritten();
    const taken = this.put(slab.bytes.subarray(this.#from, this.#to), true);
    // Only what the system took at once, from a write of our own, leaves its space to the next answer (1.2 to 1.35 times the
    // throughput). A stream that is somebody else's may keep the memory after it has called back.
    if (taken && slab.used === this.#to) slab.used = this.#from;
  }

  #writePieces(): void {
    this.#seal();
    const pieces = this.#pieces ?? new Pieces();
    // Corked, a header and the payload behind it are one writev.
    this.cork();
    for (let piece = pieces.take(!this.full); piece !== undefined; piece = pieces.take(!this.full)) {
      this.#size -= piece.size;
      this.#written += piece.messages;
      if (piece.bytes.length === piece.size) this.put(piece.bytes, piece.kind !== "payload");
      // The header says how many bytes follow, and it is out.
      else this.break(memoryChanged());
    }
    // Before the stream is uncorked: what it does then may lead back here.
    if (pieces.empty) this.#pieces = undefined;
    this.letGo();
    this.account();
  }
}
