import type { WebSocketServerOptions } from "hawser";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readOptions } from "../../src/server/settings.ts";
import { type Reactions, type Recorder } from "../support/live-server.ts";
import { LivenessRig } from "../support/liveness-rig.ts";
import { describeWith } from "../support/system.ts";
import {
  type ProxyProgram,
  caddy as caddyAt,
  configuration,
  documented,
  haproxy as haproxyAt,
  nginx as nginxAt,
  startProxy,
} from "./proxies/proxy.ts";
import { type Entrance, enter, originOf, statusOf } from "./proxies/visit.ts";
import { echo, serve } from "./scenarios/serve.ts";

/** A proxy in front of a server. */
interface Fronted extends Entrance {
  /** The origin of the proxy's own pages. */
  readonly page: string;
  /** The port of the server. */
  readonly upstream: number;
  readonly recorders: readonly Recorder[];
  readonly refused: () => number;
  readonly addresses: readonly string[];
}

const warn = vi.spyOn(process, "emitWarning");

beforeEach(() => {
  warn.mockReset().mockImplementation(() => undefined);
});

afterEach(() => void warn.mockReset());

/** The text of the last warning. */
function warning(): string {
  return String(warn.mock.calls.at(-1)?.[0]);
}

async function front(
  program: ProxyProgram,
  site: string,
  isSecure: boolean,
  options: WebSocketServerOptions = {},
  react: Reactions = echo,
): Promise<Fronted> {
  const addresses: string[] = [];
  const connection: Reactions["connection"] = ({ request }) => void addresses.push(request.remoteAddress);
  const { url, wss, recorders } = await serve({ ...react, connection }, options);
  const upstream = Number(new URL(url).port);
  const port = await startProxy(program, site, upstream, isSecure);
  const page = originOf({ port, isSecure });
  return { port, isSecure, page, upstream, recorders, addresses, refused: () => wss.counters.refused.origin };
}

/** What works with every proxy and every configuration that lets the page connect. */
async function expectToWork(fronted: Fronted): Promise<void> {
  const socket = await enter(fronted, { origin: fronted.page });
  for (const message of ["hello", "é".repeat(100_000)]) {
    socket.send(message);
    expect(String((await once(socket, "message"))[0]) === message).toBe(true);
  }
  socket.send(Buffer.alloc(70_000, 7));
  expect((await once(socket, "message"))[0]).toEqual(Buffer.alloc(70_000, 7));
  socket.close(4001, "from the page");
  expect((await once(socket, "close"))[0]).toBe(4001);
  await fronted.recorders.at(-1)!.over;
  expect(fronted.recorders.at(-1)!.end).toEqual([4001, "from the page"]);
}

const TRUSTED = { trustProxy: "loopback" } as const;
const OTHERS = { trustProxy: ["192.0.2.1"] } as const;
const EVIL = "https://evil.example";
const FORGED = { "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", Forwarded: "host=evil.example" };
const TRANSPORTS = [
  ["plain", false],
  ["TLS", true],
] as const;

/** What holds for both proxies with the configuration of the page for users. */
function runDocumented(program: ProxyProgram, site: string, isSecure: boolean): void {
  test.each([undefined, 1, "loopback", ["192.0.2.1"]])("its page connects, with trustProxy %j", async (trustProxy) => {
    const fronted = await front(program, site, isSecure, { trustProxy });
    await expectToWork(fronted);
    expect(fronted.refused()).toBe(0);
  });

  test("a page on the scheme's own port connects", async () => {
    const fronted = await front(program, site, isSecure, TRUSTED);
    const origin = `${isSecure ? "https" : "http"}://app.example.com`;
    expect(await statusOf(fronted, { origin, headers: { Host: "app.example.com" } })).toBe(101);
    expect(await statusOf(fronted, { origin: EVIL, headers: { Host: "app.example.com" } })).toBe(403);
    // The scheme counts where a trusted proxy tells it.
    const other = `${isSecure ? "http" : "https"}://app.example.com`;
    expect(await statusOf(fronted, { origin: other, headers: { Host: "app.example.com" } })).toBe(403);
    expect(warning()).toContain(`its X-Forwarded-Proto is "${isSecure ? "https" : "http"}"`);
  });

  test("headers that a client has made up change nothing", async () => {
    const fronted = await front(program, site, isSecure, { trustProxy: 1 });
    const forged = { ...FORGED, "X-Forwarded-Port": "1", "X-Forwarded-For": "6.6.6.6" };
    expect(await statusOf(fronted, { origin: EVIL, headers: forged })).toBe(403);
    expect(await statusOf(fronted, { origin: fronted.page, headers: forged })).toBe(101);
    expect(fronted.addresses).toEqual(["127.0.0.1"]);
  });

  test("the server's code and reason reach the page, and its ping is answered", async () => {
    const roundTrips: unknown[] = [];
    const fronted = await front(program, site, isSecure, TRUSTED, {
      open: (ws) =>
        void ws.ping().then((time) => {
          roundTrips.push(time);
          ws.terminate(4002, "from the server");
        }),
    });
    const socket = await enter(fronted, { origin: fronted.page });
    const [code, reason] = (await once(socket, "close")) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4002, "from the server"]);
    expect(roundTrips).toEqual([expect.any(Number)]);
  });

  test("compression is agreed on through it, and compressed messages go both ways", async () => {
    const agreed: string[] = [];
    const options = { ...TRUSTED, compression: true };
    const open: Reactions["open"] = (ws) => void agreed.push(ws.extensions);
    const fronted = await front(program, site, isSecure, options, { ...echo, open });
    await expectToWork(fronted);
    expect(agreed).toEqual(["permessage-deflate; server_no_context_takeover; client_no_context_takeover"]);
  });

  test("a client that is lost is lost for the server too", async () => {
    const fronted = await front(program, site, isSecure, TRUSTED);
    const socket = await enter(fronted, { origin: fronted.page });
    socket.terminate();
    await fronted.recorders[0]!.over;
    expect(fronted.recorders[0]!.end?.[0]).toBe(1006);
  });
}

describeWith("nginx", "nginx", (path) => {
  const program = nginxAt(path);
  const server = (location: string): string =>
    `server {\nlisten 443 ssl;\nssl_certificate /etc/ssl/app.pem;\nssl_certificate_key /etc/ssl/app.key;\n${location}}\n`;

  describe.each(TRANSPORTS)("%s", (_transport, isSecure) => {
    describe("as docs/guides/behind-a-proxy.md says", () => {
      runDocumented(program, documented("nginx"), isSecure);
    });

    test.each([{}, TRUSTED])("as its manual says, the Host is that of the server: 403, with %j", async (options) => {
      const fronted = await front(program, configuration("nginx-manual.conf"), isSecure, options);
      expect(await statusOf(fronted, { origin: fronted.page })).toBe(403);
      expect(fronted.refused()).toBe(1);
      expect(warning()).toContain(`origin "${fronted.page}"`);
      expect(warning()).toContain(`Host is "127.0.0.1:${String(fronted.upstream)}"`);
      expect(warning()).toContain("proxy_set_header Host $http_host;");
      // Who is no browser has no origin.
      expect(await statusOf(fronted, { origin: undefined })).toBe(101);
    });

    test("as its manual says, a page that is listed connects", async () => {
      const fronted = await front(program, configuration("nginx-manual.conf"), isSecure, { origins: [EVIL] });
      await expectToWork({ ...fronted, page: EVIL });
    });

    test("with $host the port is missing: 403, except on the scheme's own port", async () => {
      const fronted = await front(program, configuration("nginx-host.conf"), isSecure, TRUSTED);
      expect(await statusOf(fronted, { origin: fronted.page })).toBe(403);
      expect(warning()).toContain('Host is "127.0.0.1".');
      expect(warning()).toContain("proxy_set_header Host $http_host;");
      const origin = `${isSecure ? "https" : "http"}://app.example.com`;
      expect(await statusOf(fronted, { origin, headers: { Host: "app.example.com" } })).toBe(101);
    });

    test("with $host and X-Forwarded-Port the page connects if the proxy is trusted", async () => {
      const site = configuration("nginx-host.conf");
      const trusting = await front(program, site, isSecure, TRUSTED);
      expect(await statusOf(trusting, { origin: trusting.page, path: "/with-port" })).toBe(101);
      const careful = await front(program, site, isSecure, OTHERS);
      expect(await statusOf(careful, { origin: careful.page, path: "/with-port" })).toBe(403);
    });

    test("without the Host, X-Forwarded-Host counts if the proxy is trusted", async () => {
      const site = server(documented("nginx", 1));
      for (const options of [TRUSTED, { trustProxy: 1 }]) {
        const fronted = await front(program, site, isSecure, options);
        await expectToWork(fronted);
        expect(await statusOf(fronted, { origin: EVIL, headers: FORGED })).toBe(403);
        expect(warning()).toContain(`X-Forwarded-Host is "127.0.0.1:${String(fronted.port)}"`);
        expect(warning()).toContain("proxy_set_header X-Forwarded-Host $http_host;");
      }
      const fronted = await front(program, site, isSecure, { trustProxy: 1 });
      const headers = { "X-Forwarded-For": "6.6.6.6" };
      expect(await statusOf(fronted, { origin: fronted.page, headers })).toBe(101);
      expect(fronted.addresses).toEqual(["127.0.0.1"]);
    });

    test.each([{}, OTHERS])("without the Host, X-Forwarded-Host is ignored with %j", async (options) => {
      const fronted = await front(program, server(documented("nginx", 1)), isSecure, options);
      expect(await statusOf(fronted, { origin: fronted.page })).toBe(403);
      expect(warning()).toContain(`Host is "127.0.0.1:${String(fronted.upstream)}"`);
      expect(warning()).toContain("X-Forwarded-Host is ignored");
      expect(warning()).toContain("proxy_set_header Host $http_host;");
    });

    test("two of them, of which the inner one passes on what the outer one has told", async () => {
      const inner = await front(program, server(documented("nginx", 2)), false, { trustProxy: 2 });
      const port = await startProxy(program, documented("nginx"), inner.port, isSecure);
      const outer = { ...inner, port, isSecure, page: originOf({ port, isSecure }) };
      await expectToWork(outer);
      expect(await statusOf(outer, { origin: EVIL, headers: FORGED })).toBe(403);
      expect(await statusOf(outer, { origin: outer.page.replace(/^\w+/, isSecure ? "http" : "https") })).toBe(403);
      expect(await statusOf(outer, { origin: outer.page, headers: { "X-Forwarded-For": "6.6.6.6" } })).toBe(101);
      expect(inner.addresses).toEqual(["127.0.0.1", "127.0.0.1"]);
    });

    test("two of them, of which the inner one tells its own scheme: 403 if they differ, and the warning says so", async () => {
      const inner = await front(program, documented("nginx"), false, { trustProxy: 2 });
      const port = await startProxy(program, documented("nginx"), inner.port, isSecure);
      const outer = { port, isSecure };
      expect(await statusOf(outer, { origin: originOf(outer) })).toBe(isSecure ? 403 : 101);
      if (!isSecure) return;
      expect(warning()).toContain('its X-Forwarded-Proto is "http"');
      expect(warning()).toContain("each must pass on what the first one has told");
    });

    test("what it appends to a client's own headers counts, and not what the client has sent", async () => {
      const fronted = await front(program, configuration("nginx-append.conf"), isSecure, TRUSTED);
      expect(await statusOf(fronted, { origin: EVIL, headers: FORGED })).toBe(403);
      const { page, port } = fronted;
      const mine = { "X-Forwarded-Host": "evil.example", Forwarded: "host=evil.example" };
      expect(await statusOf(fronted, { origin: EVIL, headers: mine })).toBe(403);
      expect(await statusOf(fronted, { origin: page, headers: mine })).toBe(101);
      const swallowing = { Forwarded: 'host=evil.example;for="' };
      for (const origin of [EVIL, page]) expect(await statusOf(fronted, { origin, headers: swallowing })).toBe(403);
      expect(warning()).toContain(`X-Forwarded-Host is "127.0.0.1:${String(port)}", its Forwarded (host) is missing`);
    });
  });
});

describeWith("haproxy", "HAProxy", (path) => {
  const program = haproxyAt(path);

  describe.each(TRANSPORTS)("%s", (_transport, isSecure) => {
    describe("as docs/guides/behind-a-proxy.md says", () => {
      runDocumented(program, documented("haproxy"), isSecure);
    });

    test("without options it keeps the Host, and its page connects", async () => {
      const fronted = await front(program, configuration("haproxy.cfg"), isSecure);
      await expectToWork(fronted);
      expect(await statusOf(fronted, { origin: EVIL, headers: FORGED })).toBe(403);
      expect(warning()).toContain(`Host is "127.0.0.1:${String(fronted.port)}"`);
      expect(fronted.addresses).toEqual(["127.0.0.1"]);
    });

    test("with option forwardfor the address is that of the client, and not one that it has made up", async () => {
      const fronted = await front(program, configuration("haproxy-forwardfor.cfg"), isSecure, { trustProxy: 1 });
      await expectToWork(fronted);
      const headers = { "X-Forwarded-For": "6.6.6.6" };
      expect(await statusOf(fronted, { origin: fronted.page, headers })).toBe(101);
      expect(fronted.addresses).toEqual(["127.0.0.1", "127.0.0.1"]);
    });

    test("a header that it neither sets nor removes is the client's, which no page can send", async () => {
      const fronted = await front(program, configuration("haproxy.cfg"), isSecure, TRUSTED);
      const headers = { "X-Forwarded-Host": "evil.example" };
      expect(await statusOf(fronted, { origin: fronted.page, headers })).toBe(403);
      expect(await statusOf(fronted, { origin: EVIL, headers })).toBe(101);
    });
  });
});

describeWith("caddy", "Caddy", (path) => {
  const program = caddyAt(path);
  const plain = "app.example.com {\n  reverse_proxy 127.0.0.1:8080\n}\n";

  describe.each(TRANSPORTS)("%s", (_transport, isSecure) => {
    describe("as docs/guides/behind-a-proxy.md says", () => {
      runDocumented(program, documented("caddy"), isSecure);
    });

    test("with one line it keeps the Host, and tells the address of the client, not one that it has made up", async () => {
      const fronted = await front(program, plain, isSecure, TRUSTED);
      await expectToWork(fronted);
      const headers = { "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "ftp", "X-Forwarded-For": "6.6.6.6" };
      expect(await statusOf(fronted, { origin: EVIL, headers })).toBe(403);
      expect(await statusOf(fronted, { origin: fronted.page, headers })).toBe(101);
      expect(fronted.addresses).toEqual(["127.0.0.1", "127.0.0.1"]);
    });
  });
});

describe("the times on docs/guides/behind-a-proxy.md", () => {
  test("the first ping comes before a proxy ends an idle connection", () => {
    const seconds = [...documented("haproxy").matchAll(/timeout (?:client|server) (\d+)s/g)].map(([, n]) => Number(n));
    expect(seconds).toHaveLength(2);
    const { keepalive } = readOptions({});
    const silent = new LivenessRig(keepalive);
    let ticks = 0;
    // The silence begins before the first tick.
    for (; silent.asked.length === 0 && ticks < 1_000; ticks++) silent.live(1);
    for (const time of seconds) expect((ticks + 1) * keepalive.tickMs).toBeLessThan(time * 1000);
  });
});
