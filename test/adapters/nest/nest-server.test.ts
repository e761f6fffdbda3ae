import { refuse } from "hawser";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Client, refusal } from "../../guides/client.ts";
import { bindGateway } from "./gateway.ts";

describe("the server of a gateway", () => {
  test("gives a client to the gateway with Node's request, and data that may be changed", async () => {
    const { url, clients, requests } = await bindGateway({});
    const client = await Client.open(`${url}?a=1`);
    client.send({ event: "x" });
    await client.json();
    expect(clients[0]?.data).toEqual({});
    expect(requests[0]?.url).toBe("/chat?a=1");
  });

  test.each([
    ["null", (): null => null, 403],
    ["undefined", (): undefined => undefined, 403],
    ["a refusal", async () => Promise.resolve(refuse(402, "Pay first.")), 402],
    [
      "an error",
      () => {
        throw new Error("no");
      },
      500,
    ],
  ] as const)("refuses when onConnection gives %s", async (_what, onConnection, status) => {
    const error = vi.fn();
    const { url, clients } = await bindGateway({}, { onConnection, logger: { error } });
    expect(await refusal(url)).toBe(status);
    expect(clients).toEqual([]);
    expect(error).toHaveBeenCalledTimes(status === 500 ? 1 : 0);
  });

  test("keeps what onConnection gives as the data of the client", async () => {
    const { url, clients } = await bindGateway(
      {},
      { onConnection: ({ request }) => ({ name: request.query["name"] }) },
    );
    const client = await Client.open(`${url}?name=ann`);
    client.send({ event: "x" });
    await client.json();
    expect(clients[0]?.data).toEqual({ name: "ann" });
  });

  test("answers 404 while no gateway has its path", async () => {
    const { adapter, url } = await bindGateway({});
    const wss = adapter.create(0, { path: "/empty" });
    onTestFinished(() => wss.terminate(0));
    expect(await refusal(url.replace("/chat", "/empty"))).toBe(404);
  });

  test("drops a message that is no JSON, and tells the client, not the logger", async () => {
    const error = vi.fn();
    const { url } = await bindGateway({ fine: () => "fine" }, { logger: { error } });
    const client = await Client.open(url);
    client.send("{");
    expect(await client.json()).toEqual({
      event: "exception",
      data: { status: "error", message: expect.stringMatching(/^A message is not JSON/) as string },
    });
    client.send({ event: "fine" });
    expect(await client.json()).toBe("fine");
    expect(error).not.toHaveBeenCalled();
  });

  test.each([true, false])(
    "tells of a method that throws, and not of a peer that breaks the rules (logger: %s)",
    async (has) => {
      const error = vi.fn();
      const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
      onTestFinished(() => warn.mockRestore());
      const methods = {
        fails: () => {
          throw new Error("boom");
        },
      };
      const { url } = await bindGateway(methods, { maxMessageSize: 100, ...(has ? { logger: { error } } : {}) });
      const one = await Client.open(url);
      one.send({ event: "x".repeat(200) });
      expect((await one.closed).code).toBe(1009);
      const other = await Client.open(url);
      other.send({ event: "fails" });
      expect((await other.closed).code).toBe(1011);
      if (has) expect(error.mock.calls).toEqual([[expect.objectContaining({ message: "boom" })]]);
      else expect(warn.mock.calls.map(([text]) => String(text))).toEqual(["An error that no onError handled: boom"]);
    },
  );
});
