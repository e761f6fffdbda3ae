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

  test("drops a message that is no JSON, tells the client, and without a logger warns the process", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    onTestFinished(() => warn.mockRestore());
    const { url } = await bindGateway({ fine: () => "fine" });
    const client = await Client.open(url);
    client.send("{");
    expect(await client.json()).toEqual({
      event: "exception",
      data: { status: "error", message: "The message is not valid JSON." },
    });
    client.send({ event: "fine" });
    expect(await client.json()).toBe("fine");
    expect(warn).toHaveBeenCalledOnce();
  });
});
