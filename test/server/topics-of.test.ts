import { expect, test } from "vitest";
import { newLimitCounters } from "../../src/server/limit-counters.ts";
import { ServerTopics } from "../../src/server/server-topics.ts";
import { Registry } from "../../src/util/registry.ts";
import { setTopics, topicsOf } from "../../src/server/topics-of.ts";

test("the topics of a connection are those of its server", () => {
  const settings = {
    maxTopicsPerConnection: 1,
    history: undefined,
    backplane: undefined,
    maxHistoryMemory: 1,
    highWaterMark: 1,
    maxSendQueue: 1,
    maxTotalSendQueue: 1,
    maxMessageSize: 1,
    publishTimeout: 1,
    maxBackplaneQueue: 1,
    limitCounters: newLimitCounters(),
  };
  const reporter = {
    isTerminated: false,
    dispatchError: () => undefined,
    dispatchBackplane: () => undefined,
    dispatchPresence: () => undefined,
  };
  const [wss, topics] = [{}, new ServerTopics(settings, reporter, new Registry())];
  setTopics(wss, topics);
  expect(topicsOf({ wss })).toBe(topics);
});

test("an object that is no server has none: an error says so", () => {
  expect(() => topicsOf({ wss: {} })).toThrow("ws.wss: expected the server of the connection");
});
