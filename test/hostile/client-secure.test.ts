import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { certificate, expiredCertificate, renewedCertificate } from "../support/certificate.ts";
import { annsCertificate, forgedCertificate } from "../support/client-certificates.ts";
import { RecordedClient, failedDial } from "../support/recorded-client.ts";
import { scriptServer } from "../support/scripted-server.ts";

const ca = certificate.cert;

describe("a certificate that is wrong: no byte of the handshake is sent", () => {
  test.each([
    ["signed by nobody we know", certificate, {}],
    ["signed by somebody else", renewedCertificate, { ca }],
    ["expired", expiredCertificate, { ca: expiredCertificate.cert }],
    ["for another host", certificate, { ca, servername: "example.com" }],
  ])("%s", async (_what, shown, tls) => {
    const requests: string[] = [];
    const { url } = await scriptServer(async (peer) => {
      peer.socket.on("data", (data: Buffer) => requests.push(data.toString()));
      await peer.accept();
    }, shown);
    const error = await failedDial(url, { tls, headers: { Authorization: "secret" } });
    expect(error).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tls", status: undefined });
    expect(requests).toEqual([]);
  });

  test("the host of the URL is checked also when createConnection leads elsewhere", async () => {
    const { port } = await scriptServer((peer) => peer.accept(), certificate);
    const createConnection = () => connect(port, "127.0.0.1");
    const other = await failedDial("wss://example.com", { tls: { ca }, createConnection });
    expect(other).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tls" });
    const right = new RecordedClient("wss://localhost", { tls: { ca }, createConnection });
    await expect.poll(() => right.calls).toEqual(["open"]);
  });

  test("with rejectUnauthorized: false it is taken", async () => {
    const { url } = await scriptServer((peer) => peer.accept(), certificate);
    const client = new RecordedClient(url, { tls: { rejectUnauthorized: false } });
    await expect.poll(() => client.calls).toEqual(["open"]);
  });
});

test("only http/1.1 is offered by ALPN, whatever the options say; a server of HTTP/2 alone fails", async () => {
  const offers: string[][] = [];
  const server = await scriptServer((peer) => peer.accept(), {
    ...certificate,
    ALPNCallback: ({ protocols }) => {
      offers.push(protocols);
      return protocols[0];
    },
  });
  const client = new RecordedClient(server.url, { tls: { ca, ALPNProtocols: ["h2", "http/1.1"] } });
  await expect.poll(() => client.calls).toEqual(["open"]);
  expect(offers).toEqual([["http/1.1"]]);

  const h2 = await scriptServer((peer) => peer.accept(), { ...certificate, ALPNProtocols: ["h2"] });
  expect(await failedDial(h2.url, { tls: { ca } })).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tls" });
});

test("the TLS session is used for the next dial to the same origin", async () => {
  const resumed: boolean[] = [];
  const server = await scriptServer(async (peer) => {
    resumed.push((peer.socket as unknown as { isSessionReused(): boolean }).isSessionReused());
    await peer.accept();
    if (resumed.length === 1) peer.raw.end();
  }, certificate);
  const client = new RecordedClient(server.url, { tls: { ca }, reconnect: { retry: () => 0 } });
  await expect.poll(() => client.calls).toContain("reconnected");
  expect(resumed).toEqual([false, true]);
});

test("a server that asks for the client's certificate gets it; without a good one the dial fails", async () => {
  const names: unknown[] = [];
  const server = await scriptServer(
    async (peer) => {
      names.push(
        (peer.socket as unknown as { getPeerCertificate(): { subject: unknown } }).getPeerCertificate().subject,
      );
      await peer.accept();
    },
    { ...certificate, ca, requestCert: true, rejectUnauthorized: true },
  );
  const client = new RecordedClient(server.url, { tls: { ca, ...annsCertificate } });
  await expect.poll(() => client.calls).toEqual(["open"]);
  expect(names).toEqual([{ CN: "ann" }]);
  // With TLS 1.3 the server refuses by an alert in place of its answer, and may reset the connection before that is read.
  for (const tls of [{ ca }, { ca, ...forgedCertificate }]) {
    const error = await failedDial(server.url, { tls });
    expect(error.code).toBe("HWS_CONNECT_FAILED");
    expect(["tls", "tcp"]).toContain(error.stage);
  }
  expect(names).toHaveLength(1);
});
