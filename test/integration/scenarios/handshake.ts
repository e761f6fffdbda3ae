import { type WSConnectionEvent, WebSocketServer, refuse } from "hawser";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished } from "vitest";
import { type Client, Refused } from "../clients/client.ts";
import { text } from "../clients/content.ts";
import type { Scenario } from "./scenario.ts";
import { connect, serve } from "./serve.ts";
import { ownPort, scheme } from "../../support/transport.ts";

/** The address of a server, on its own port, whose `onConnection` answers with `answer`. */
async function refusing(answer: () => ReturnType<typeof refuse> | null): Promise<string> {
  const options = await ownPort();
  const wss = await new Promise<WebSocketServer>((resolve) => {
    const server = new WebSocketServer({ onOpen: resolve, onConnection: answer }, options);
    onTestFinished(() => server.terminate(0));
  });
  return `${scheme()}://127.0.0.1:${(wss.address() as AddressInfo).port}/`;
}

/** What `open` rejects with. */
async function refusal(client: Client, url: string): Promise<unknown> {
  return client.open(url).then(
    () => "let in",
    (error: unknown) => error,
  );
}

/** The opening handshake. */
export const handshake = {
  "the subprotocol that the server picks is the client's": async (client) => {
    const offers: (readonly string[])[] = [];
    const { url, wss } = await serve({
      connection(event: WSConnectionEvent) {
        offers.push(event.protocols);
        event.protocol = event.protocols[1];
      },
      message: (ws) => void ws.send(ws.protocol ?? "none"),
    });
    const peer = await connect(client, url, ["chat.v3", "chat.v2", "chat.v1"]);
    expect(peer.protocol).toBe("chat.v2");
    expect(offers).toEqual([["chat.v3", "chat.v2", "chat.v1"]]);
    expect(wss.connections.map((ws) => ws.protocol)).toEqual(["chat.v2"]);
    await peer.send(text("which?"));
    expect(await peer.received(1)).toEqual(["text: chat.v2"]);
  },

  "a client that offers no subprotocol has none": async (client) => {
    const offers: (readonly string[])[] = [];
    const { url } = await serve({ connection: (event) => void offers.push(event.protocols) });
    const peer = await connect(client, url);
    expect(peer.protocol).toBe("");
    expect(offers).toEqual([[]]);
  },

  "a client that onConnection refuses is not accepted": async (client) => {
    const error = await refusal(client, await refusing(() => null));
    expect(error).toBeInstanceOf(Refused);
  },

  "a client sees the status of its refusal": async (client) => {
    expect(await refusal(client, await refusing(() => null))).toMatchObject({ status: 403 });
    const unauthorized = (): ReturnType<typeof refuse> =>
      refuse(401, "Sign in first.", { "WWW-Authenticate": "Bearer" });
    expect(await refusal(client, await refusing(unauthorized))).toMatchObject({ status: 401 });
  },

  "onConnection sees the address that the client asked for": async (client) => {
    const requests: WSConnectionEvent["request"][] = [];
    const { url } = await serve({ connection: (event) => void requests.push(event.request) });
    await connect(client, `${url}chats/1?name=J%C3%BCrgen&tag=a&tag=b+c`);
    expect(requests).toMatchObject([
      {
        url: "/chats/1?name=J%C3%BCrgen&tag=a&tag=b+c",
        query: { name: "Jürgen", tag: ["a", "b c"] },
        headers: { host: new URL(url).host },
        remoteAddress: "127.0.0.1",
      },
    ]);
  },
} satisfies Record<string, Scenario>;
