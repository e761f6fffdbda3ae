import { expect, test } from "vitest";
import { decoders, objectDecoder, type Decoder } from "../../src/connection/receiving/decode.ts";
import { asBytes } from "../../src/protocol/bytes.ts";
import { Opcode } from "../../src/protocol/opcodes.ts";
import { requestDecoder } from "../../src/server/request-decoder.ts";
import { TopicRequest } from "../../src/topics/topic-request.ts";

const all: readonly (readonly [string, Decoder])[] = [
  ...Object.entries(decoders),
  ["object", objectDecoder({ maxJsonDepth: 9, maxJsonValues: 9 })],
];

/** What a handler gets of a message. */
function decode(decoder: Decoder, opcode: 1 | 2, message: string): unknown {
  const { bytes, parse } = decoder;
  const buffer = asBytes(Buffer.from(`..${message}..`));
  const data = bytes(opcode, buffer, 2, buffer.length - 2, /^[\0-\x7f]*$/.test(message));
  return parse === undefined ? data : parse(data as string);
}

test.each(all)("under %s a text that begins as a request is one", (_type, decoder) => {
  const request = decode(requestDecoder(decoder), Opcode.text, "\x1es - 5 é\n");
  expect(request).toBeInstanceOf(TopicRequest);
  expect(request).toMatchObject({ topic: "é", last: 5 });
});

test.each(all)("under %s a text or a binary message that begins so and is none is an error", (_type, decoder) => {
  const error = expect.objectContaining({ code: "HWS_TOPIC_FRAME" }) as Error;
  expect(() => decode(requestDecoder(decoder), Opcode.text, "\x1es - - a\nb")).toThrow(error);
  expect(() => decode(requestDecoder(decoder), Opcode.binary, "\x1es - - a\n")).toThrow(error);
});

test.each(all)("under %s everything else is as without requests", (_type, decoder) => {
  for (const opcode of [Opcode.text, Opcode.binary] as const)
    for (const message of ['" s"', "7", '{"a":[1]}'])
      expect(decode(requestDecoder(decoder), opcode, message)).toEqual(decode(decoder, opcode, message));
});

test("an empty message is no request, whatever follows it in memory", () => {
  const bytes = asBytes(Buffer.from("\x1e"));
  expect(requestDecoder(decoders.text).bytes(Opcode.text, bytes, 0, 0, true)).toBe("");
});

test.each(all)("under %s no text is streamed: it may be a request", (_type, decoder) => {
  expect([decoder.mayBeRequest, requestDecoder(decoder).mayBeRequest]).toEqual([undefined, true]);
});
