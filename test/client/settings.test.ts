import { expect, test } from "vitest";
import { clientSettings, sharedOptions, withHandlerType } from "../../src/client/settings.ts";
import { readTable } from "../../src/util/option-table.ts";

const read = (options: object) => readTable(sharedOptions, options);

test("the defaults are those of the specification", () => {
  expect(read({})).toMatchObject({
    dataType: "text",
    reconnect: undefined,
    handshakeTimeout: 10_000,
    closeTimeout: 5_000,
    maxMessageSize: 16 * 2 ** 20,
    maxReceiveQueue: 16 * 2 ** 20,
    probe: undefined,
  });
  expect(read({ reconnect: true }).reconnect).toEqual({
    baseDelay: 1_000,
    maxDelay: 30_000,
    maxAttempts: Infinity,
    whileAway: "refuse",
    maxQueue: 2 ** 20,
    maxQueueAge: 60_000,
    queuePolicy: "drop-oldest",
    retryCodes: [],
    retry: undefined,
  });
  expect(read({ probe: { request: "a", response: "b" } }).probe).toMatchObject({ every: 25_000, timeout: 5_000 });
});

test.each([
  [{ reconnect: 1 }, "reconnect: expected true, false or an object"],
  [{ reconnect: { baseDelays: 1 } }, "reconnect: there is no option"],
  [{ reconnect: { retryCodes: [999] } }, "reconnect: retryCodes: expected close codes"],
  [{ reconnect: { retryCodes: [[4000]] } }, "reconnect: retryCodes: expected close codes"],
  [{ reconnect: { retry: true } }, "reconnect: retry: expected a function"],
  [{ reconnect: { queuePolicy: "close" } }, "reconnect: queuePolicy: expected one of"],
  [{ reconnect: { maxDelay: 2 ** 31 } }, "reconnect: maxDelay: expected an integer"],
  [{ signal: {} }, "signal: expected an AbortSignal"],
  [{ probe: "ping" }, "probe: expected an object"],
  [{ probe: { request: "", response: "b" } }, "probe: request: expected a text"],
  [{ protocols: ["a", "a"] }, "protocols: expected different"],
])("%j throws", (options, message) => {
  expect(() => read(options)).toThrow(message);
});

test("a URL is checked at once, a function is asked later and may have other credentials", () => {
  expect(clientSettings("http://user:secret@server", read({}), undefined)).toMatchObject({
    shownUrl: "ws://server/",
    hasProvider: false,
  });
  expect(clientSettings(() => "ws://server", read({}), undefined)).toMatchObject({ shownUrl: "", hasProvider: true });
  expect(clientSettings("ws://server", read({}), undefined, () => ({})).hasProvider).toBe(true);
  expect(() => clientSettings("ws://server/#", read({}), undefined)).toThrow("fragment");
});

test("the handler may speak of the data type, but not of another one than the options", () => {
  expect(withHandlerType({}, { dataType: "blob" })).toEqual({ dataType: "blob" });
  expect(withHandlerType({ dataType: "blob" }, {})).toEqual({ dataType: "blob" });
  expect(() => withHandlerType({ dataType: "blob" }, { dataType: "text" })).toThrow("dataType");
});
