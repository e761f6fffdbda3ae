import { describe, expect, test } from "vitest";
import { KINDS, messagesOf } from "../../../scripts/compression/samples.ts";

describe.each(KINDS)("messages of the kind $name", (kind) => {
  test("are the same each time, and differ from each other", () => {
    const messages = messagesOf(kind, 40).map((message) => Buffer.from(message).toString("latin1"));
    expect(messagesOf(kind, 40).map((message) => Buffer.from(message).toString("latin1"))).toEqual(messages);
    expect(new Set(messages).size).toBe(40);
  });

  test("have the size that was asked for", () => {
    for (const size of [1, 64, 1024, 20_000])
      expect(new Set(messagesOf(kind, 5, size).map(({ length }) => length))).toEqual(new Set([size]));
  });

  test.runIf(kind.group === "JSON" && !kind.name.startsWith("parts"))("are JSON", () => {
    for (const message of messagesOf(kind, 10))
      expect(JSON.parse(Buffer.from(message).toString())).toBeTypeOf("object");
  });
});
