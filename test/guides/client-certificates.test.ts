import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { certificate } from "../support/certificate.ts";
import { annsCertificate, forgedCertificate } from "../support/client-certificates.ts";
import { SLOW, usePage } from "../support/page-project.ts";
import { Client, refusal, serve } from "./client.ts";

const project = usePage("docs/guides/client-certificates.md");
const ca = certificate.cert;

/** Writes the files that the program reads. Clients have certificates that the server's has signed. */
async function writeCertificates(): Promise<void> {
  const files = { "server.key": certificate.key, "server.pem": certificate.cert, "clients.pem": certificate.cert };
  for (const [name, content] of Object.entries(files)) await writeFile(join(project().folder, name), content);
}

test(
  "a client certificate says who connects; without one, or with a forged one, the TLS handshake fails",
  async () => {
    await writeCertificates();
    const { port } = await serve(project(), "mtls.js");
    const url = `wss://localhost:${String(port)}`;
    const ann = await Client.open(url, { ca, ...annsCertificate });
    ann.send("hello");
    expect(await ann.text()).toBe("ann: hello");
    await expect(Client.open(url, { ca })).rejects.toThrow(/alert|ECONNRESET|hang up/);
    await expect(Client.open(url, { ca, ...forgedCertificate })).rejects.toThrow(/alert|ECONNRESET|hang up/);
  },
  SLOW,
);

test(
  "with rejectUnauthorized: false, a client without a certificate, or with a forged one, gets 401",
  async () => {
    await writeCertificates();
    const { folder } = project();
    const program = await readFile(join(folder, "mtls.js"), "utf8");
    await writeFile(join(folder, "lenient.js"), program.replace("requestCert: true", "$&, rejectUnauthorized: false"));
    const { port } = await serve(project(), "lenient.js");
    const url = `wss://localhost:${String(port)}`;
    expect(await refusal(url, { ca })).toBe(401);
    expect(await refusal(url, { ca, ...forgedCertificate })).toBe(401);
    const ann = await Client.open(url, { ca, ...annsCertificate });
    ann.send("hello");
    expect(await ann.text()).toBe("ann: hello");
  },
  SLOW,
);
