import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type WebSocketConnection, WebSocketServer } from "hawser";
import { expect, onTestFinished, test } from "vitest";
import { portOf } from "../support/peer.ts";
import { describeWith } from "../support/system.ts";

/** Milliseconds that the handler works: several times what the clients wait for a pong. */
const WORK = 3500;

const script = fileURLToPath(new URL("clients/heartbeats.py", import.meta.url));

describeWith("pythonClients", "a client with heartbeats, while its handler is busy", (python) => {
  test.each(["websockets", "aiohttp", "websocket-client"])(
    "%s goes on, because its pings are answered",
    async (library) => {
      const wss = new WebSocketServer(
        {
          onConnection: () => ({
            async onMessage(ws: WebSocketConnection) {
              await pause(WORK);
              ws.send("done");
            },
          }),
        },
        { port: 0, host: "127.0.0.1" },
      );
      onTestFinished(() => wss.terminate(0));
      const child = spawn(python, [script, library, `ws://127.0.0.1:${String(await portOf(wss))}/`]);
      onTestFinished(() => void child.kill());
      const [printed, complaints] = await Promise.all([text(child.stdout), text(child.stderr)]);
      expect(printed, complaints).toBe("alive\n");
    },
  );
});
