import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { WriteBuffer } from "../../../src/connection/sending/write-buffer.ts";
import { MAX_COPIED } from "../../../src/connection/transport/stream-writer.ts";
import { textFrame } from "../../../src/connection/sending/text-frames.ts";
import { fill, hex, toHex, utf8 } from "../../support/bytes.ts";
import { cases, seed } from "../../support/fuzz.ts";
import { type Sent, type SentFrame, framesIn } from "../../support/sent-frames.ts";
import { Wire, turns } from "../../support/wire.ts";
import { StreamWriter } from "../../../src/connection/transport/stream-writer.ts";
import { encoderOf } from "../../../src/connection/sending/encoders.ts";

/** A message to send: a text, or this many bytes. */
type Added =
  | { readonly kind: "text" | "shared"; readonly text: string }
  | { readonly kind: "bytes" | "ping" | "pong"; readonly size: number };

/** One thing that happens to a write buffer or its stream. */
type Step = Added | { readonly kind: "turn" | "stick" | "flow" | "take" | "hold" };

/** The frames that all write buffers of a run share: few, so that several buffers send the same one. */
const shared = ["s1", "s2", "s".repeat(200), "S".repeat(MAX_COPIED), "t".repeat(MAX_COPIED / 2)];
const sharedFrames = new Map(shared.map((text) => [text, textFrame(text)]));

const length = fc.oneof(
  { weight: 8, arbitrary: fc.nat({ max: 300 }) },
  { weight: 2, arbitrary: fc.integer({ min: MAX_COPIED - 12, max: MAX_COPIED + 12 }) },
  { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 70_000 }) },
);

const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  length.map((n) => "é".repeat(n)),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("text"), text }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("shared"), text: fc.constantFrom(...shared) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("bytes"), size: length }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("ping", "pong"), size: fc.nat({ max: 125 }) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom("turn", "stick", "flow", "take", "hold") }) },
);

/** Joins fragments, so that a message is one entry. Control frames may come between them. */
function messagesIn(frames: readonly SentFrame[]): { messages: Sent[]; controls: Sent[] } {
  const messages: Sent[] = [];
  const controls: Sent[] = [];
  let open: { opcode: number; parts: Buffer[] } | undefined;
  for (const { fin, opcode, payload } of frames) {
    if (opcode > 7 && opcode !== 8) {
      controls.push([`${opcode}`, payload.toString("hex")]);
      continue;
    }
    if (opcode === 8 && open !== undefined) throw new Error("a close frame inside a message");
    if ((opcode === 0) !== (open !== undefined)) throw new Error("fragments of two messages are mixed");
    open ??= { opcode, parts: [] };
    open.parts.push(payload);
    if (!fin) continue;
    messages.push([`${open.opcode}`, Buffer.concat(open.parts).toString("hex")]);
    open = undefined;
  }
  return { messages, controls };
}

/** One write buffer with its stream, its frames, and its part of the steps. */
class Runner {
  readonly stream: Wire;
  readonly writeBuffer: WriteBuffer;
  readonly expected: Sent[] = [];
  readonly pings: string[] = [];
  readonly pongs: string[] = [];
  #held = false;

  constructor(highWaterMark: number, consumes: boolean) {
    this.stream = new Wire({ highWaterMark });
    this.writeBuffer = new WriteBuffer(new StreamWriter(this.stream, consumes), encoderOf("server"));
    this.stream.on("drain", () => this.writeBuffer.onDrain());
  }

  async run(step: Step): Promise<void> {
    switch (step.kind) {
      case "turn":
        this.release();
        await turns(1);
        break;
      case "stick":
        this.stream.stick();
        break;
      case "flow":
        this.stream.flow();
        break;
      case "take":
        this.stream.takeOne();
        break;
      case "hold":
        this.#held = true;
        this.writeBuffer.holdWrites();
        break;
      default:
        this.#add(step);
    }
  }

  /** As a connection does at the end of a chunk: nothing is held longer than a turn. */
  release(): void {
    if (this.#held) this.writeBuffer.releaseWrites();
    this.#held = false;
  }

  #add(step: Added): void {
    if ("text" in step) {
      if (step.kind === "text") this.writeBuffer.addText(step.text);
      else this.writeBuffer.addShared(sharedFrames.get(step.text)!);
      this.expected.push(["1", toHex(utf8(step.text))]);
      return;
    }
    const { kind, size } = step;
    const payload = fill(size % 251, size);
    if (kind === "bytes") {
      this.writeBuffer.addMessage(2, payload);
      this.expected.push(["2", toHex(payload)]);
    } else {
      this.writeBuffer.addControl(kind === "ping" ? 9 : 10, payload);
      (kind === "ping" ? this.pings : this.pongs).push(toHex(payload));
    }
  }

  /** Ends the write buffer, and compares the output with the input. */
  async check(consumes: boolean): Promise<void> {
    this.release();
    this.stream.flow();
    await turns(2);
    this.writeBuffer.addClose(hex("03 e8"));
    this.writeBuffer.end();
    await turns();
    const { messages, controls } = messagesIn(framesIn(this.stream.taken));
    expect(messages).toEqual([...this.expected, ["8", "03e8"]]);
    // Control frames may overtake data, so their order is not compared.
    const sent = (wanted: string): string[] =>
      controls.flatMap(([opcode, payload]) => (opcode === wanted ? [payload] : []));
    expect(sent("9").sort()).toEqual([...this.pings].sort());
    expect(withoutAll(sent("10"), this.pongs)).toEqual([]);
    if (this.pongs.length > 0) expect(sent("10")).toContain(this.pongs.at(-1));
    expect(this.writeBuffer.size).toBe(0);
    if (consumes) return;
    expect(this.stream.memory.map((pieces) => Buffer.concat(pieces).toString("hex"))).toEqual(
      this.stream.writes.map(toHex),
    );
  }
}

/** `all` without one item for each of `some`. */
function withoutAll(all: readonly string[], some: readonly string[]): string[] {
  const left = [...all];
  for (const one of some) if (left.includes(one)) left.splice(left.indexOf(one), 1);
  return left;
}

const setup = fc.record({
  marks: fc.array(fc.constantFrom(1, 100, 400, 16_384), { minLength: 2, maxLength: 3 }),
  steps: fc.array(fc.tuple(fc.nat({ max: 2 }), step), { minLength: 10, maxLength: 120, size: "max" }),
});

async function runAll(
  consumes: boolean,
  { marks, steps }: { marks: readonly number[]; steps: readonly (readonly [number, Step])[] },
): Promise<void> {
  const runners = marks.map((mark) => new Runner(mark, consumes));
  for (const [who, step] of steps) await runners[who % runners.length]!.run(step);
  for (const runner of runners) await runner.check(consumes);
}

describe("several write buffers, with any frames in any order, over streams that take them at any time", () => {
  // shows 6455-6.1-7
  test("each write their input, when memory is used again once it was taken", async () => {
    await fc.assert(
      fc.asyncProperty(setup, (run) => runAll(true, run)),
      { seed, numRuns: cases(150) },
    );
  });

  test("each write their input, and change no bytes that a stream keeps", async () => {
    await fc.assert(
      fc.asyncProperty(setup, (run) => runAll(false, run)),
      { seed, numRuns: cases(150) },
    );
  });
});
