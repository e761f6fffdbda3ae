import { expect, test } from "vitest";
import { ClientTopics } from "../../../src/client/topics/client-topics.ts";
import type { TopicClientHandler, TopicSocket } from "../../../src/client/topics/handler.ts";
import { TopicCallbacks, checkTopicHandler } from "../../../src/client/topics/topic-callbacks.ts";

function callbacks(handler: TopicClientHandler, protocol = "hawser.v1"): TopicCallbacks {
  const topics = new ClientTopics(handler, new Map());
  const client: unknown = { protocol, status: "Connected" };
  topics.client = client as TopicSocket;
  const settings = { dataType: "text", maxJsonDepth: 9, maxJsonValues: 9, ignoresInvalidJson: false } as const;
  return new TopicCallbacks(handler, topics, settings);
}

test("they have onDrain, onError and onReconnecting only if the handler has: without them the client warns", () => {
  const none = callbacks({ onError: null as never });
  expect([none.onDrain, none.onError, none.onReconnecting]).toEqual([undefined, undefined, undefined]);
  const log: string[] = [];
  class Handler {
    onDrain(): void {
      log.push(`drain ${this instanceof Handler}`);
    }

    onError(): void {
      log.push(`error ${this instanceof Handler}`);
    }

    onReconnecting(): void {
      log.push(`reconnecting ${this instanceof Handler}`);
    }
  }
  const all = callbacks(new Handler());
  all.onDrain?.(undefined, {} as never);
  all.onError?.(undefined, {} as never);
  all.onReconnecting?.(undefined, {} as never);
  expect(log).toEqual(["drain true", "error true", "reconnecting true"]);
});

test("messages without a line, and all of another subprotocol, go to onMessage; without it they are dropped", () => {
  const got: unknown[] = [];
  const handler: TopicClientHandler = { onMessage: (_ws, { data }) => got.push(data) };
  callbacks(handler).onMessage(undefined, { type: "message", data: "\x1e no line" });
  callbacks(handler, "other").onMessage(undefined, { type: "message", data: "\x1es - - a\n" });
  callbacks({}).onMessage(undefined, { type: "message", data: new Uint8Array([0xff]) });
  expect(got).toEqual(["\x1e no line", "\x1es - - a\n"]);
});

test("a handler is checked", () => {
  const error = expect.objectContaining({ code: "HWS_INVALID_ARGUMENT" }) as Error;
  for (const handler of [null, 1, { onGap: 1 }, { ongap: () => undefined }, { onmessage: () => undefined }])
    expect(() => {
      checkTopicHandler(handler);
    }).toThrow(error);
  expect(() => {
    checkTopicHandler({ onTopic: null });
  }).not.toThrow();
});
