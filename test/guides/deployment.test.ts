import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { certificate, renewedCertificate } from "../support/certificate.ts";
import { type RunningProgram, SLOW, usePage } from "../support/page-project.ts";

const project = usePage("docs/guides/deployment.md");

async function open({ port }: Pick<RunningProgram, "port">, autoClose = true): Promise<WebSocket> {
  const client = new WebSocket(`ws://127.0.0.1:${String(port)}`);
  onTestFinished(() => client.terminate());
  await once(client, "open");
  // A client that does not read does not answer the close frame.
  if (!autoClose) client.pause();
  return client;
}

async function statusOf({ port }: RunningProgram, path: string): Promise<number> {
  return (await fetch(`http://127.0.0.1:${String(port)}${path}`)).status;
}

describe("the server", () => {
  test(
    "answers health checks, tells its counters, and ends in order on SIGTERM",
    async () => {
      const server = await project().start("server.js");
      const [reader, silent] = [await open(server), await open(server, false)];
      expect(await statusOf(server, "/health")).toBe(200);
      expect(await statusOf(server, "/other")).toBe(404);
      const counters = await fetch(`http://127.0.0.1:${String(server.port)}/counters`);
      expect(await counters.json()).toMatchObject({ connections: { opened: 2, closed: 0 } });

      reader.send("hello");
      expect(String(((await once(reader, "message")) as [Buffer])[0])).toBe("hello");
      const closed = once(reader, "close") as Promise<[number, Buffer]>;
      const stopped = server.stop();
      const [code, reason] = await closed;
      expect([code, reason.toString()]).toEqual([1001, expect.stringMatching(/^retry-after=\d+$/)]);
      // One client has not answered yet: the server still tells the load balancer that it goes down, and refuses clients.
      expect(await statusOf(server, "/health")).toBe(503);
      await expect(open(server)).rejects.toThrow("503");
      // A terminal sends it to a group: npm, or the primary of a cluster, sends it again.
      server.kill("SIGTERM");
      silent.resume();
      expect(await stopped).toBe(0);
      expect(server.output()).toBe("");
    },
    SLOW,
  );

  test(
    "ends with an error when its port is in use",
    async () => {
      const server = await project().start("server.js");
      const other = await project().begin("server.js", { PORT: String(server.port) });
      expect(await other.ended).toBe(1);
      expect(other.output()).toMatch(/EADDRINUSE/);
      expect(await server.stop()).toBe(0);
    },
    SLOW,
  );
});

test(
  "processes share a port, one that fails is replaced, and all end on SIGTERM",
  async () => {
    const cluster = await project().start("cluster.js", { WORKERS: "2" });
    const opened = async (): Promise<number> => {
      const answer = await fetch(`http://127.0.0.1:${String(cluster.port)}/counters`, {
        headers: { connection: "close" },
      });
      return ((await answer.json()) as { connections: { opened: number } }).connections.opened;
    };
    // Both processes have some of the clients, once both have started: the counters of neither are those of all.
    const clients: WebSocket[] = [];
    let most = 0;
    while (most === clients.length) {
      clients.push(await open(cluster));
      most = 0;
      for (let i = 0; i < 6; i++) most = Math.max(most, await opened());
    }
    expect(most).toBeGreaterThan(0);
    const closed = Promise.all(clients.map(async (client) => ((await once(client, "close")) as [number])[0]));
    expect(await cluster.stop()).toBe(0);
    expect(await closed).toEqual(clients.map(() => 1001));
  },
  SLOW,
);

test(
  "a Unix socket takes clients",
  async () => {
    const path = join(project().folder, "app.sock");
    const server = await project().begin("unix.js", { SOCKET: path });
    let client: WebSocket | undefined;
    await expect
      .poll(
        async () => {
          const tried = new WebSocket(`ws+unix:${path}:/`);
          const error = once(tried, "error");
          const opened = await Promise.race([once(tried, "open").then(() => true), error.then(() => false)]);
          if (opened) client = tried;
          return opened;
        },
        { timeout: 30_000 },
      )
      .toBe(true);
    const closed = once(client!, "close");
    await server.stop();
    // It did not answer SIGTERM with a close frame, but it had a client.
    expect(await closed).toHaveLength(2);
  },
  SLOW,
);

test(
  "SIGHUP renews the certificate",
  async () => {
    const save = async ({ key, cert }: { readonly key: string; readonly cert: string }): Promise<void> => {
      await writeFile(join(project().folder, "key.pem"), key);
      await writeFile(join(project().folder, "cert.pem"), cert);
    };
    await save(certificate);
    const server = await project().start("certificate.js");
    const serialNumber = async (): Promise<string> => {
      const socket: TLSSocket = connect({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false });
      await once(socket, "secureConnect");
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const before = await serialNumber();
    await save(renewedCertificate);
    server.kill("SIGHUP");
    await expect.poll(serialNumber, { timeout: 30_000 }).not.toBe(before);
    await server.stop();
  },
  SLOW,
);
