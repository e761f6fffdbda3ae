import { once } from "node:events";
import { type Settings, connect } from "node:http2";
import { expect, onTestFinished, test } from "vitest";
import { certificate } from "../support/certificate.ts";
import { describeWith } from "../support/system.ts";
import type { Client } from "./clients/client.ts";
import { text } from "./clients/content.ts";
import { Http2Client } from "./clients/http2.ts";
import { WsClient } from "./clients/ws.ts";
import { caddy, configuration, documented, haproxy, startProxy } from "./proxies/proxy.ts";
import { echo, serve } from "./scenarios/serve.ts";
import { type Transport, useTransport } from "../support/transport.ts";

describeWith("haproxy", "HAProxy", (path) => {
  test.each([
    ["HTTP/2", "HTTP/2", "haproxy-h2.cfg", "h2c", "2.0"],
    ["HTTP/2", "HTTP/1.1", "haproxy-h2-h1.cfg", "plain", "1.1"],
    ["HTTP/1.1", "HTTP/2", "haproxy-h2.cfg", "h2c", "2.0"],
  ] as const)("passes WebSockets from %s to %s", async (from, _to, site, transport: Transport, version) => {
    useTransport(transport);
    const seen: unknown[] = [];
    const { url, recorders } = await serve(
      {
        ...echo,
        connection: ({ request }) => void seen.push([request.raw.httpVersion, request.headers.host]),
      },
      { trustProxy: 1 },
    );
    const port = await startProxy(haproxy(path), configuration(site), Number(new URL(url).port), true);
    const client: Client = from === "HTTP/2" ? new Http2Client() : new WsClient({ ca: certificate.cert });
    onTestFinished(() => client.end());
    const peers = [await client.open(`wss://127.0.0.1:${port}/`), await client.open(`wss://127.0.0.1:${port}/`)];
    for (const [index, peer] of peers.entries()) {
      await peer.send(text("Grüße ".repeat(20_000)));
      await peer.send(text(String(index)));
      await peer.received(1);
      expect(await peer.received(1)).toEqual([`text: ${index}`]);
    }
    expect(seen).toEqual([
      [version, `127.0.0.1:${port}`],
      [version, `127.0.0.1:${port}`],
    ]);
    await peers[0]!.close(3001, "done");
    expect(await peers[0]!.closed()).toMatchObject({ code: 3001 });
    await recorders[0]!.over;
    expect(recorders[0]!.end).toEqual([3001, "done"]);
    await peers[1]!.lose();
    await recorders[1]!.over;
    expect(recorders[1]!.end?.[0]).toBe(1006);
  });
});

describeWith("caddy", "Caddy", (path) => {
  test("offers HTTP/2 for pages only, so that clients open WebSockets over HTTP/1.1 on the same port", async () => {
    useTransport("plain");
    const { url, recorders } = await serve(echo, { trustProxy: 1 });
    const port = await startProxy(caddy(path), documented("caddy"), Number(new URL(url).port), true);
    const session = connect(`https://127.0.0.1:${port}`, { ca: certificate.cert });
    onTestFinished(() => {
      session.destroy();
    });
    const [settings] = (await once(session, "remoteSettings")) as [Settings];
    expect(session.alpnProtocol).toBe("h2");
    // RFC 8441 3. With it, a browser that has an HTTP/2 connection for the page would use it for the WebSocket too.
    expect(settings.enableConnectProtocol).toBe(false);
    const client = new WsClient({ ca: certificate.cert });
    onTestFinished(() => client.end());
    const peer = await client.open(`wss://127.0.0.1:${port}/`);
    await peer.send(text("hello"));
    expect(await peer.received(1)).toEqual(["text: hello"]);
    await peer.close(3001, "done");
    await recorders[0]!.over;
    expect(recorders[0]!.end).toEqual([3001, "done"]);
  });
});
