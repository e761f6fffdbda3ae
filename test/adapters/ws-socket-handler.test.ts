import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { InvalidArgumentError, type WSConnectionEvent, type WSServerErrorEvent, WebSocketServer } from "hawser";
import { connect } from "hawser/testing";
import { type SocketHandler, type WsSocket, socketHandler } from "hawser/ws";
import { describe, expect, onTestFinished, test } from "vitest";

/** A server whose handlers are those of a library of sockets. */
function start(dataType: "auto" | "text" = "auto"): {
  wss: WebSocketServer<object, "auto">;
  opened: Promise<[WsSocket, IncomingMessage]>;
  errors: string[];
} {
  const errors: string[] = [];
  let open: (pair: [WsSocket, IncomingMessage]) => void;
  const opened = new Promise<[WsSocket, IncomingMessage]>((resolve) => (open = resolve));
  const wss = new WebSocketServer(
    {
      onConnection: (_wss: WebSocketServer, event: WSConnectionEvent): SocketHandler =>
        socketHandler(event, (...pair) => {
          open(pair);
        }),
      onError: (_wss: WebSocketServer, { errors: [{ message }] }: WSServerErrorEvent) => errors.push(message),
    },
    { dataType: dataType as "auto" },
  );
  onTestFinished(() => wss.terminate(0));
  return { wss, opened, errors };
}

describe("socketHandler", () => {
  test("gives the socket and the request when the connection is open", async () => {
    const { wss, opened } = start();
    const client = await connect(wss, { url: "/page?x=1" });
    const [socket, request] = await opened;
    expect(request.url).toBe("/page?x=1");
    const [connection] = wss.connections;
    expect((connection?.handler as unknown as SocketHandler).socket).toBe(socket);
    expect(socket.connection).toBe(connection);
    const message = once(socket, "message");
    client.send("hello");
    expect(await message).toEqual([Buffer.from("hello"), false]);
    socket.send("there");
    expect((await client.next()).value).toBe("there");
    client.close(4000, "bye");
    expect(await once(socket, "close")).toEqual([4000, Buffer.from("bye")]);
  });

  test("needs the data type auto", async () => {
    const { wss, errors } = start("text");
    const client = await connect(wss);
    expect(await client.closed).toMatchObject({ code: 1011 });
    expect(errors).toEqual(['socketHandler: the server needs the option dataType: "auto"']);
  });

  test("needs a function", () => {
    expect(() => socketHandler({} as never, undefined as never)).toThrow(InvalidArgumentError);
  });
});
