import { InvalidArgumentError, type WSServerErrorEvent, WebSocketServer } from "hawser";
import { streamHandler } from "hawser/streams";
import { connect } from "hawser/testing";
import { describe, expect, onTestFinished, test } from "vitest";

/** A server of streams, and the errors that its handler is told. */
function start<T extends "text" | "blob">(
  onStream: Parameters<typeof streamHandler>[0],
  dataType: T,
): { wss: WebSocketServer<object, T>; errors: string[] } {
  const errors: string[] = [];
  const handler = {
    onConnection: () => streamHandler(onStream),
    onError: (_wss: unknown, { errors: [{ message }] }: WSServerErrorEvent) => errors.push(message),
  };
  const wss = new WebSocketServer(handler, { dataType: dataType as "blob" });
  onTestFinished(() => wss.terminate(0));
  return { wss: wss, errors };
}

describe("streamHandler", () => {
  test("gives the stream and the connection, and has them in its handler", async () => {
    const found: unknown[] = [];
    const { wss } = start((stream, connection) => found.push(stream, connection), "blob");
    await connect(wss);
    const [connection] = wss.connections;
    expect(found).toEqual([(connection?.handler as unknown as ReturnType<typeof streamHandler>).stream, connection]);
  });

  test("needs a data type of bytes", async () => {
    const { wss, errors } = start(() => {}, "text");
    const client = await connect(wss);
    expect(await client.closed).toMatchObject({ code: 1011 });
    expect(errors[0]).toContain('dataType: "blob"');
  });

  test("needs a function", () => {
    expect(() => streamHandler({} as never)).toThrow(InvalidArgumentError);
  });

  test("does not wait for an async listener, and closes with 1011 when it rejects", async () => {
    const { wss, errors } = start(async (stream) => {
      for await (const chunk of stream) if (String(chunk) === "boom") throw new Error("boom");
    }, "blob");
    const client = await connect(wss);
    client.send("boom");
    expect(await client.closed).toMatchObject({ code: 1011 });
    expect(errors).toEqual(["boom"]);
  });
});
