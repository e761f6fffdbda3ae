import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { describeWith } from "../support/system.ts";
import { ChromiumClient } from "./clients/chromium.ts";
import { Refused } from "./clients/client.ts";
import { text } from "./clients/content.ts";
import { configuration, documented, nginx, startProxy } from "./proxies/proxy.ts";
import { type Served, serve } from "./scenarios/serve.ts";

/** Both programs. Without one of them its test says so. */
function describeWithBoth(title: string, body: (chromium: string, proxy: string) => void): void {
  describe(title, () => {
    describeWith("chromium", "Chromium", (chromium) => {
      describeWith("nginx", "nginx with TLS", (proxy) => {
        body(chromium, proxy);
      });
    });
  });
}

describeWithBoth("a page on https", (chromium, proxy) => {
  // The certificate is signed by itself.
  const client = new ChromiumClient(chromium, { ignoreHTTPSErrors: true });
  afterAll(() => client.end());

  async function front(site: string, served: Served): Promise<string> {
    const port = await startProxy(nginx(proxy), site, Number(new URL(served.url).port), true);
    return `//127.0.0.1:${String(port)}/`;
  }

  test.each([undefined, 1, "loopback"])("opens wss to its own host, with trustProxy %j", async (trustProxy) => {
    const served = await serve(undefined, { trustProxy });
    const address = await front(documented("nginx"), served);
    const peer = await client.openFrom(`https:${address}`, `wss:${address}`);
    onTestFinished(() => peer.dispose());
    await peer.send(text("from the page"));
    await peer.send(text("é", 50_000));
    expect((await peer.received(2))[0]).toBe("text: from the page");
    await peer.close(4001, "bye");
    expect((await peer.closed()).code).toBe(4001);
    await served.recorders[0]!.over;
    expect(served.recorders[0]!.end).toEqual([4001, "bye"]);
  });

  test("is refused where the proxy replaces the Host, and a page of another host always", async () => {
    const served = await serve(undefined, { trustProxy: 1 });
    const replaced = await front(configuration("nginx-manual.conf"), served);
    await expect(client.openFrom(`https:${replaced}`, `wss:${replaced}`)).rejects.toThrow(Refused);
    const kept = await front(documented("nginx"), served);
    await expect(client.openFrom(`https:${replaced}`, `wss:${kept}`)).rejects.toThrow(Refused);
    expect(served.wss.counters.refused.origin).toBe(2);
    expect(served.recorders).toHaveLength(0);
  });
});
