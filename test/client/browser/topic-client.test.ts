import { expect, test } from "vitest";
import { TopicClient } from "../../../src/client/browser/topic-client.ts";
import { WebSocket } from "../../../src/client/browser/websocket.ts";

test("it is a client of browsers: options of Node throw", () => {
  expect(Object.getPrototypeOf(TopicClient)).toBe(WebSocket);
  expect(() => new TopicClient("ws://127.0.0.1:1", {}, { headers: {} })).toThrow(
    expect.objectContaining({ code: "HWS_INVALID_ARGUMENT" }) as Error,
  );
});
