import { expect, test } from "vitest";
import { startServer } from "../support/live-server.ts";
import { isLong } from "../support/long.ts";
import { turn, until } from "../support/peer.ts";
import { Http2Flag, Http2Type, http2Frame } from "../support/http2-bytes.ts";
import { WireSession } from "../support/http2-wire.ts";
import { RawClient, closeBody, masked } from "../support/raw-client.ts";
import { onTransport } from "../support/transport.ts";
import { CLIENTS, ENDINGS, FLOODS, MEMORY, filesOfTests, runOverHttp2 } from "./support/over-http2.ts";

// Hostile clients in the process of the server, on streams of HTTP/2.

test("each file of hostile tests runs over HTTP/2, or says why not", () => {
  const known = [ENDINGS, FLOODS, MEMORY, CLIENTS].flatMap((files) => Object.keys(files));
  expect(filesOfTests().sort()).toEqual(known.sort());
});

onTransport("h2", () => {
  test("its clients are streams of HTTP/2", async () => {
    const versions: string[] = [];
    const { port } = await startServer({ connection: ({ request }) => void versions.push(request.raw.httpVersion) });
    await RawClient.open(port);
    expect(versions).toEqual(["2.0"]);
  });

  test.each(["the connection", "the server"])(
    "a close frame that came while our event loop was blocked counts when %s was terminated",
    async (who) => {
      const { port, wss, recorders } = await startServer({}, { closeTimeout: 200 });
      const session = await WireSession.open(`https://127.0.0.1:${String(port)}`);
      session.connect(1);
      await until(() => wss.connections.length === 1);
      // After the timers of this turn and before its sockets.
      await turn();
      let ended: Promise<void> | undefined;
      if (who === "the server") ended = wss.terminate(600);
      else wss.connections[0]!.terminate(1000);
      session.send(http2Frame(Http2Type.data, Http2Flag.endStream, 1, masked(0x88, closeBody(4000, "mine"))));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
      await recorders[0]!.over;
      session.socket.end();
      await ended;
      expect(recorders[0]!.end).toEqual([4000, "mine"]);
      expect(wss.counters.limits.closeTimeout).toBe(0);
    },
  );
});

if (isLong) runOverHttp2(CLIENTS);
