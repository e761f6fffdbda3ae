import { describe, expect, test } from "vitest";

import { Sender, type SenderOwner } from "../../../src/connection/sending/sender.ts";
import { WriteBuffer } from "../../../src/connection/sending/write-buffer.ts";
import { asBytes } from "../../../src/protocol/bytes.ts";
import { Opcode } from "../../../src/protocol/opcodes.ts";
import { connectionSettings } from "../../support/settings.ts";
import { Wire, turns } from "../../support/wire.ts";
import { outgoing } from "../../support/outgoing.ts";
import { SharedMessage } from "../../../src/connection/sending/shared-message.ts";
import { StreamWriter } from "../../../src/connection/transport/stream-writer.ts";
import { encoderOf } from "../../../src/connection/sending/encoders.ts";

interface Masked {
  readonly first: number;
  readonly key: string;
  readonly payload: Buffer;
}

/** Reads masked frames by RFC 6455 5.2 and 5.3, without src/. */
function maskedIn(bytes: Uint8Array): Masked[] {
  const all = Buffer.from(bytes);
  const frames: Masked[] = [];
  for (let at = 0; at < all.length;) {
    const first = all.readUInt8(at);
    const second = all.readUInt8(at + 1);
    if (second < 128) throw new Error(`a frame at ${at} is not masked`);
    const short = second - 128;
    const length = short < 126 ? short : short === 126 ? all.readUInt16BE(at + 2) : Number(all.readBigUInt64BE(at + 2));
    const keyAt = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    const key = all.subarray(keyAt, keyAt + 4);
    const body = keyAt + 4;
    if (body + length > all.length) throw new Error(`the frame at ${at} is cut off`);
    const payload = all.subarray(body, body + length).map((byte, i) => byte ^ key[i % 4]!);
    frames.push({ first, key: key.toString("hex"), payload: Buffer.from(payload) });
    at = body + length;
  }
  return frames;
}

const TEXTS = ["", "hello", "ä😀", "x".repeat(200), "long ".repeat(20_000)];
const SIZES = [0, 1, 125, 126, 16_384, 16_385, 70_000];

describe.each([true, false])("a client's write buffer (on a socket: %s)", (socket) => {
  test("masks texts, each with a key of its own", async () => {
    const stream = new Wire({ highWaterMark: 2 ** 20 });
    const buffer = new WriteBuffer(new StreamWriter(stream, socket), encoderOf("client"));
    for (const text of [...TEXTS, ...TEXTS]) buffer.addText(text);
    await turns();
    const frames = maskedIn(stream.taken);
    expect(frames.map(({ payload }) => payload.toString())).toEqual([...TEXTS, ...TEXTS]);
    expect(frames.every(({ first }) => first === 0x81)).toBe(true);
    expect(new Set(frames.map(({ key }) => key)).size).toBe(frames.length);
    expect([buffer.written, buffer.pending, buffer.size]).toEqual([frames.length, 0, 0]);
  });

  test("masks bytes, and does not change the caller's", async () => {
    const stream = new Wire({ highWaterMark: 2 ** 20 });
    const buffer = new WriteBuffer(new StreamWriter(stream, socket), encoderOf("client"));
    const payloads = SIZES.map((size) => Buffer.alloc(size, "some bytes"));
    const expected = payloads.map((payload) => payload.toString("hex"));
    for (const payload of payloads) buffer.addMessage(Opcode.binary, asBytes(payload));
    await turns();
    expect(maskedIn(stream.taken).map(({ payload }) => payload.toString("hex"))).toEqual(expected);
    expect(payloads.map((payload) => payload.toString("hex"))).toEqual(expected);
  });

  test("masks pings, pongs and the close frame", async () => {
    const stream = new Wire({ highWaterMark: 2 ** 20 });
    const buffer = new WriteBuffer(new StreamWriter(stream, socket), encoderOf("client"));
    buffer.addControl(Opcode.ping, asBytes(Buffer.from("p")));
    buffer.addControl(Opcode.pong, asBytes(Buffer.from("q")));
    buffer.addClose(asBytes(Buffer.from([3, 232])));
    await turns();
    const found = maskedIn(stream.taken).map(({ first, payload }) => [first, payload.toString("hex")]);
    expect(found).toEqual([
      [0x89, "70"],
      [0x8a, "71"],
      [0x88, "03e8"],
    ]);
  });

  test("masks the control frames that overtake the data of a full stream", async () => {
    const stream = new Wire({ highWaterMark: 1 });
    const buffer = new WriteBuffer(new StreamWriter(stream, socket), encoderOf("client"));
    stream.on("drain", () => buffer.onDrain());
    stream.stick();
    buffer.addText("first");
    await turns();
    buffer.addText("second");
    buffer.addControl(Opcode.ping, asBytes(Buffer.from("p")));
    buffer.addControl(Opcode.pong, asBytes(Buffer.from("q")));
    stream.flow();
    await turns();
    expect(maskedIn(stream.taken).map(({ payload }) => payload.toString())).toEqual(["first", "p", "q", "second"]);
  });
});

test("a client's sender masks a repeated text and a shared frame with a new key", async () => {
  const stream = new Wire();
  const host: SenderOwner = {
    settings: connectionSettings({ role: "client" }),
    onError: fail,
    onDrained: fail,
    liveness: { noteMessage: fail },
  };
  const sender = new Sender(new WriteBuffer(new StreamWriter(stream), encoderOf("client")), host);
  sender.send(outgoing("same"));
  sender.send(outgoing("same"));
  sender.send(new SharedMessage(outgoing("same")));
  sender.send(new SharedMessage(outgoing("same")));
  await turns();
  const frames = maskedIn(stream.taken);
  expect(frames.map(({ payload }) => payload.toString())).toEqual(["same", "same", "same", "same"]);
  expect(new Set(frames.map(({ key }) => key)).size).toBe(4);
});

function fail(): never {
  throw new Error("not expected");
}
