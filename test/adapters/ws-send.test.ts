import { once } from "node:events";
import { HawserError, InvalidArgumentError } from "hawser";
import { describe, expect, test } from "vitest";
import { ourPair } from "./ws-servers.ts";

/** What the callback of a `send` is given. */
function send(
  socket: { send(data: unknown, callback: (error?: Error) => void): void },
  data: unknown,
): Promise<unknown> {
  return new Promise((resolve) => {
    socket.send(data, resolve);
  });
}

const BIG = Buffer.alloc(1024 * 1024);

describe("a send", () => {
  test.each([[{}], [null], [undefined], [[1]], [() => 1], [true]])(
    "throws for %o, which is no message of ws",
    async (data) => {
      const { socket } = await ourPair();
      expect(() => {
        socket.send(data);
      }).toThrow(InvalidArgumentError);
    },
  );

  test("throws for options that would be ignored", async () => {
    const { socket } = await ourPair();
    for (const options of [{ fin: false }, { mask: true }, 1])
      expect(() => {
        socket.send("a", options as never, () => {});
      }).toThrow(InvalidArgumentError);
    expect(() => {
      socket.send(new Blob(["a"]), { binary: false });
    }).toThrow(InvalidArgumentError);
  });

  test("calls back when a slow peer has taken enough, and not before", async () => {
    const { client, socket } = await ourPair({ maxSendQueue: 256 * 1024 * 1024 });
    client.pause();
    const waiting: number[] = [];
    // More than the buffers of the two systems take.
    const sent = Promise.all(
      Array.from({ length: 64 }, async () => {
        const error = await send(socket, BIG);
        waiting.push(socket.bufferedAmount);
        return error;
      }),
    );
    expect(socket.bufferedAmount).toBeGreaterThan(32 * BIG.length);
    client.resume();
    expect((await sent).filter(Boolean)).toEqual([]);
    expect(Math.max(...waiting.slice(1))).toBeLessThanOrEqual(BIG.length);
  });

  test("gives an error to the callback of a message that the policy drops", async () => {
    const { client, socket } = await ourPair({ maxSendQueue: 1024, sendQueuePolicy: "drop-newest" });
    client.pause();
    const dropped = await new Promise((resolve) => {
      for (let i = 0; i < 64; i++)
        socket.send(BIG, (error) => {
          if (error !== undefined) resolve(error);
        });
    });
    expect(dropped).toBeInstanceOf(HawserError);
    expect(dropped).toMatchObject({ code: "HWS_SEND_QUEUE_FULL" });
    expect(socket.readyState).toBe(socket.OPEN);
  });

  test("gives an error to the callbacks that wait when the connection ends", async () => {
    const { client, socket } = await ourPair({ maxSendQueue: 256 * 1024 * 1024 });
    client.pause();
    const sent = Promise.all(Array.from({ length: 64 }, () => send(socket, BIG)));
    const closed = once(socket, "close");
    socket.terminate();
    await closed;
    const errors = (await sent).filter(Boolean);
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) expect(error).toMatchObject({ code: "HWS_NOT_CONNECTED" });
  });
});
