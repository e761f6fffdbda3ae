import { expect, test } from "vitest";
import { certificate } from "../support/certificate.ts";
import { startServer } from "../support/live-server.ts";
import { closeBody, handshake, masked, RawClient } from "../support/raw-client.ts";

// shows 6455-4.2.2-1
test("on a TLS port the handshake, its answer and the frames run through the tunnel", async () => {
  const { port, recorders } = await startServer({ message: (ws, data) => void ws.send(data) }, { tls: certificate });
  const client = await RawClient.connectTls(port, certificate.cert);
  client.write(handshake());
  expect((await client.response()).statusLine).toBe("HTTP/1.1 101 Switching Protocols");
  client.write(masked(0x81, "through the tunnel"), masked(0x88, closeBody(1000)));
  const frames = await client.frames();
  expect(frames.map((frame) => frame.payload)).toEqual([Buffer.from("through the tunnel"), closeBody(1000)]);
  client.end();
  await recorders[0]!.over;
  expect(recorders[0]!.calls).toEqual([["open"], ["message", "through the tunnel"], ["terminate", 1000, undefined]]);
});

// shows 6455-4.2.2-1
test("a client that does not speak TLS gets no answer in the clear, and is closed", async () => {
  const { port, recorders } = await startServer({}, { tls: certificate });
  const client = await RawClient.connect(port);
  client.write(handshake());
  expect((await client.rest()).toString("latin1")).not.toContain("HTTP");
  expect(recorders).toEqual([]);

  const other = await RawClient.connectTls(port, certificate.cert);
  other.write(handshake());
  expect((await other.response()).status).toBe(101);
});
