import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { describe, expect, test, vi } from "vitest";
import { Client } from "../../guides/client.ts";
import { HawserClient } from "../../../src/adapters/nest/nest-client.ts";
import type { ObservableLike } from "hawser/nest";
import { bindGateway } from "./gateway.ts";

const OWNER = { maxObservables: 1, onClient: () => {}, onFailure: () => {} };

/** What never answers. */
function silent(unsubscribe: () => void = () => {}): ObservableLike {
  return { subscribe: () => ({ unsubscribe }) };
}

describe("HawserClient", () => {
  test("answers with what a method returns, and with nothing for nothing", async () => {
    const { url } = await bindGateway({
      value: (_client, data) => ({ event: "value", data }),
      later: async () => Promise.resolve("later"),
      nothing: () => undefined,
      emit: (client) => client.emit("emitted", 1),
      send: (client) => client.send("as it is"),
    });
    const client = await Client.open(url);
    for (const event of ["nothing", "value", "later", "emit", "send"]) client.send({ event, data: 7 });
    expect(await client.json()).toEqual({ event: "value", data: 7 });
    expect(await client.json()).toBe("later");
    expect(await client.json()).toEqual({ event: "emitted", data: 1 });
    expect(await client.json()).toBe(true);
    expect(await client.text()).toBe("as it is");
  });

  test("handles the next message when the promise of a method has settled", async () => {
    const order: unknown[] = [];
    const { url } = await bindGateway({
      slow: async (_client, data) => {
        order.push(`begin ${String(data)}`);
        await new Promise((resolve) => setImmediate(resolve));
        order.push(`end ${String(data)}`);
      },
      done: () => "done",
    });
    const client = await Client.open(url);
    client.send({ event: "slow", data: 1 });
    client.send({ event: "slow", data: 2 });
    client.send({ event: "done" });
    expect(await client.json()).toBe("done");
    expect(order).toEqual(["begin 1", "end 1", "begin 2", "end 2"]);
  });

  test("ends what still answers when its client has gone, and tells why it went", async () => {
    const unsubscribe = vi.fn();
    let send: ((value: unknown) => void) | undefined;
    const { url, ends, clients } = await bindGateway({
      watch: () => ({
        subscribe: ({ next }: { next: (value: unknown) => void }) => {
          send = next;
          return { unsubscribe };
        },
      }),
    });
    const client = await Client.open(url);
    client.send({ event: "watch" });
    await vi.waitFor(() => {
      expect(send).toBeDefined();
    });
    send?.({ event: "news" });
    expect(await client.json()).toEqual({ event: "news" });
    expect(clients[0]?.readyState).toBe(1);
    client.socket.close(4000, "enough");
    await vi.waitFor(() => {
      expect(ends).toEqual([expect.objectContaining({ code: 4000, reason: "enough", initiator: "peer" })]);
    });
    expect(unsubscribe).toHaveBeenCalledOnce();
    expect(clients[0]?.readyState).toBe(3);
    // Nobody gets it.
    send?.({ event: "too late" });
  });

  test("an observable may end at once, and answer more than once", async () => {
    const client = new HawserClient(OWNER, new IncomingMessage(new Socket()), {});
    const unsubscribe = vi.fn();
    const transform = (result: unknown): ObservableLike => ({
      subscribe: ({ next, complete }) => {
        next(result);
        complete();
        return { unsubscribe };
      },
    });
    client.bind([{ message: "x", callback: () => 0 }], transform);
    const ws = undefined as never;
    await client.onMessage(ws, { type: "message", data: { event: "x" } });
    client.onTerminate(ws, { type: "terminate", code: 1000, reason: undefined, initiator: "peer", cause: undefined });
    expect(unsubscribe).not.toHaveBeenCalled();
  });

  test("a failure that no filter has got goes to the logger", async () => {
    const error = vi.fn();
    const { url } = await bindGateway(
      { fails: async () => Promise.reject(new Error("no filter")), fine: () => "fine" },
      { logger: { error } },
    );
    const client = await Client.open(url);
    client.send({ event: "fails" });
    client.send({ event: "fine" });
    expect(await client.json()).toBe("fine");
    expect(error).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: "no filter" }));
  });

  test("tells a client of a message that no gateway takes", async () => {
    const { url } = await bindGateway({});
    const client = await Client.open(url);
    for (const message of ['{"event":"x","data":1}', "null", "7", "[]"]) {
      client.send(message);
      expect(await client.json()).toMatchObject({
        event: "exception",
        data: { status: "error", message: "There is no handler for this event." },
      });
    }
  });

  test("has no connection before it is open", () => {
    const client = new HawserClient(OWNER, new IncomingMessage(new Socket()), {});
    expect(client.readyState).toBe(0);
    expect(() => client.ws).toThrow(/not connected yet/);
  });

  test("closes as ws.close does", async () => {
    const { url } = await bindGateway({
      leave: (client) => {
        client.close(4001, "bye");
      },
    });
    const client = await Client.open(url);
    client.send({ event: "leave" });
    expect(await client.closed).toEqual({ code: 4001, reason: "bye" });
  });

  test.each([
    ["value", () => ({ event: "row", data: { id: 10n } })],
    ["function", () => () => 1],
    [
      "value of an observable at once",
      (): ObservableLike => ({
        subscribe: ({ next }) => {
          next({ id: 10n });
          return { unsubscribe: () => {} };
        },
      }),
    ],
  ])("an answer that is no JSON fails alone: a %s", async (_what, method) => {
    const error = vi.fn();
    const { url } = await bindGateway({ method, fine: () => "fine" }, { logger: { error } });
    const client = await Client.open(url);
    client.send({ event: "method", data: 7 });
    expect(await client.json()).toEqual({
      event: "exception",
      data: { status: "error", message: "Internal server error", cause: { pattern: "method", data: 7 } },
    });
    client.send({ event: "fine" });
    expect(await client.json()).toBe("fine");
    expect(error).toHaveBeenCalledOnce();
  });

  test("ends an observable that is one too many, and handles other messages", async () => {
    const unsubscribe = vi.fn();
    const { url } = await bindGateway(
      { watch: () => silent(unsubscribe), fine: async () => Promise.resolve("fine") },
      { maxObservablesPerConnection: 2 },
    );
    const client = await Client.open(url);
    for (const event of ["watch", "watch", "fine", "watch", "fine"]) client.send({ event });
    expect(await client.json()).toBe("fine");
    expect(await client.json()).toMatchObject({
      event: "exception",
      data: { message: "Too many observables answer at a time.", cause: { pattern: "watch" } },
    });
    expect(unsubscribe).toHaveBeenCalledOnce();
    expect(await client.json()).toBe("fine");
  });

  test("ends all observables, and tells all gateways of the end, if some of them fail", async () => {
    const error = vi.fn();
    const unsubscribe = vi.fn(() => {
      throw new Error("unsubscribe");
    });
    const disconnected = vi.fn((): unknown => Promise.reject(new Error("disconnected")));
    const { url, clients, ends } = await bindGateway(
      { watch: () => silent(unsubscribe), fine: () => "fine" },
      { logger: { error } },
    );
    const client = await Client.open(url);
    clients[0]?.bindDisconnect(() => {
      throw new Error("thrown");
    });
    clients[0]?.bindDisconnect(disconnected);
    clients[0]?.bindDisconnect((event) => ends.push(event));
    for (const event of ["watch", "watch", "fine"]) client.send({ event });
    expect(await client.json()).toBe("fine");
    client.socket.close();
    await vi.waitFor(() => {
      expect(error).toHaveBeenCalledTimes(4);
    });
    expect(unsubscribe).toHaveBeenCalledTimes(2);
    expect(disconnected).toHaveBeenCalledOnce();
    expect(ends.length).toBe(2);
  });
});
