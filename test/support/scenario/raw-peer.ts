import type { Random } from "../../../fuzz/engine/random.ts";
import { FrameDecoder } from "../../../scripts/reliability/frames.ts";
import { FrameMaker, Op } from "./frame-maker.ts";
import type { Line, LineListener } from "./line.ts";
import { Peer, type Target } from "./peer.ts";
import { sleeps } from "./traits.ts";
import { excerpt } from "./tagged.ts";
import type { World } from "./world.ts";

const END_OF_HEAD = "\r\n\r\n";

/** Milliseconds for which a peer that sleeps takes nothing. */
const NAP = 30;

/** A peer that writes its frames by itself, on a socket or on an odd stream. */
export class RawPeer extends Peer implements LineListener {
  readonly #line: Line;
  readonly #make: FrameMaker;
  readonly #decoder = new FrameDecoder();
  #head = Buffer.alloc(0);
  #wake: () => void = () => {};
  #pings = 0;
  readonly #unanswered: string[] = [];
  /** Frames that are being written, and those after them. */
  readonly #queue: Buffer[] = [];
  #endsAfterClose = true;

  /** @param connect - Makes its line. */
  constructor(
    { name, target, random, world }: { name: string; target: Target; random: Random; world: World },
    connect: (listener: LineListener) => Line,
  ) {
    super(name, target, random, world);
    this.#make = new FrameMaker(random);
    this.#line = connect(this);
  }

  override get isCalm(): boolean {
    return super.isCalm && this.#line.takes;
  }

  onBytes(chunk: Buffer): void {
    if (this.status === 101) this.#decoder.push(chunk);
    else this.#readHead(chunk);
    for (let frame = this.#decoder.next(); frame !== undefined; frame = this.#decoder.next())
      this.#onFrame(frame.opcode, frame.payload, frame.fin);
  }

  onEnd(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#wake();
    if (this.#endsAfterClose) this.#line.end();
  }

  onStop(): void {
    // The answer to the request may be among the bytes that were not taken: it is not waited for.
    this.#wake();
  }

  override takeAll(): void {
    this.#line.resume();
  }

  override destroy(): void {
    this.#line.reset();
    this.onEnd();
  }

  protected override async open(): Promise<void> {
    const fields = Object.entries(this.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const request = [
      `GET ${this.url} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`,
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
      ...fields,
      "\r\n",
    ];
    // Frames may come together with the request.
    const early = this.random.oneIn(3) ? this.#batch() : [];
    this.#send(Buffer.concat([Buffer.from(request.join("")), ...early]));
    while (this.status === 0 && !this.isOver && !this.#line.hasStopped)
      await new Promise<void>((resolve) => (this.#wake = resolve));
    if (!sleeps(this.name)) return;
    this.#line.pause();
    await new Promise((resolve) => setTimeout(resolve, NAP));
    this.#line.resume();
  }

  protected override step(): void {
    const { random } = this;
    const kind = random.below(12);
    if (kind < 7) this.#send(Buffer.concat(this.#batch()));
    else if (kind < 8) this.#send(this.#control());
    else if (kind < 9) this.#send(this.#make.frame(Op.pong, Buffer.from("unasked")));
    else if (kind < 10) this.#line.pause();
    else this.#line.resume();
  }

  protected override finish(): void {
    const { ending, random } = this;
    if (ending !== "stall") this.#line.resume();
    if (ending === "stay" || this.isOver) return;
    if (ending === "close") {
      this.closedWith = random.pick([1000, 3000, 4321]);
      this.#send(this.#make.close(this.closedWith, `done ${this.name}`));
      return;
    }
    this.isBroken = true;
    if (ending === "reset") this.#line.reset();
    else if (ending === "half close") this.#line.end();
    else if (ending === "break") this.#send(this.#brokenFrame());
    else {
      this.#endsAfterClose = false;
      this.#line.pause();
    }
  }

  /** Several messages and control frames. */
  #batch(): Buffer[] {
    const many = this.random.oneIn(6) ? 40 : 4;
    return Array.from({ length: 1 + this.random.below(many) }, () => {
      if (this.random.oneIn(10)) return this.#control();
      const isText = this.random.oneIn(2);
      return this.#make.message(isText ? Op.text : Op.binary, this.nextMessage(), () => this.#control());
    });
  }

  #control(): Buffer {
    const payload = `${this.name} ping ${String(this.#pings++)}`;
    this.#unanswered.push(payload);
    return this.#make.frame(Op.ping, Buffer.from(payload));
  }

  #brokenFrame(): Buffer {
    const { random } = this;
    const frame = this.#make.frame(Op.text, Buffer.from("broken"));
    const how = random.below(5);
    if (how === 0) frame[0] = 0xf1;
    else if (how === 1) frame[1] = 6;
    else if (how === 2) frame[0] = 0x83;
    else if (how === 3) frame[0] = Op.continuation;
    else return this.#make.frame(Op.text, Buffer.alloc(this.target.options.maxMessageSize + 1, "x"));
    return frame;
  }

  /**
   * Writes whole frames, cut anywhere. A stream that pushes synchronously makes nested calls: their frames come after this
   * call's, not into one of them.
   */
  #send(bytes: Buffer): void {
    const isNested = this.#queue.push(bytes) > 1;
    if (isNested) return;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      let rest = next;
      for (let cuts = this.random.below(4); cuts > 0; cuts--) {
        const at = this.random.below(rest.length);
        this.#line.write(rest.subarray(0, at));
        rest = rest.subarray(at);
      }
      this.#line.write(rest);
      this.#queue.shift();
    }
  }

  #readHead(chunk: Buffer): void {
    this.#head = Buffer.concat([this.#head, chunk]);
    const end = this.#head.indexOf(END_OF_HEAD);
    if (end < 0) return;
    this.status = Number(this.#head.toString("latin1", 9, 12));
    if (this.status === 101) this.#decoder.push(this.#head.subarray(end + END_OF_HEAD.length));
    this.#wake();
  }

  #onFrame(opcode: number, payload: Buffer, fin: boolean): void {
    const { world, name } = this;
    // RFC 6455 5.5.1 forbids only data after a close frame.
    if (this.closedBy !== undefined && opcode !== Op.pong)
      world.fault(`${name}: received the opcode ${opcode} after the close frame`);
    if (!fin) world.fault(`${name}: received a fragment`);
    if (opcode === Op.text || opcode === Op.binary) this.onMessage(payload.toString());
    else if (opcode === Op.ping) this.#send(this.#make.frame(Op.pong, payload));
    else if (opcode === Op.pong) this.#onPong(payload.toString());
    else if (opcode === Op.close) this.#onCloseFrame(payload);
    else world.fault(`${name}: received the opcode ${String(opcode)}`);
  }

  /** RFC 6455 5.5.3: a pong answers one of the pings, and may leave out older ones. */
  #onPong(payload: string): void {
    const at = this.#unanswered.indexOf(payload);
    if (at < 0) this.world.fault(`${this.name}: received the pong ${excerpt(payload)} for no ping`);
    else this.#unanswered.splice(at, 1);
  }

  #onCloseFrame(payload: Buffer): void {
    this.onClose(payload.length < 2 ? 1005 : payload.readUInt16BE(0), payload.toString("utf8", 2));
    if (this.closedWith === undefined && !this.isBroken) this.#send(this.#make.frame(Op.close, payload));
  }
}
