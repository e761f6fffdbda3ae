import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { type RunningProgram, SLOW, usePage } from "../support/page-project.ts";
import { PageClient, becomes, refusal } from "./page-client.ts";

const project = usePage("docs/guides/files-and-large-messages.md");

/** The functions of the page's client. */
interface FilesClient {
  upload(url: string, file: Blob, onProgress?: (bytes: number) => void): Promise<string>;
  download(url: string): Promise<Blob>;
}

let client: FilesClient;
beforeAll(async () => {
  vi.stubGlobal("WebSocket", WebSocket);
  client = (await import(pathToFileURL(join(project().folder, "client.js")).href)) as FilesClient;
});
afterAll(() => vi.unstubAllGlobals());

/** Starts the server of files, with a folder of its own. */
async function startFiles(): Promise<{ server: RunningProgram; folder: string; url: string }> {
  const folder = join(project().folder, `files-${randomBytes(4).toString("hex")}`);
  await mkdir(folder);
  const server = await project().start("files.js", { FOLDER: folder });
  return { server, folder, url: `ws://127.0.0.1:${String(server.port)}` };
}

const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

test(
  "bytes come back as bytes, and a text is answered with a Blob",
  async () => {
    const server = await project().start("bytes.js");
    const peer = await PageClient.open(server);
    const sent = randomBytes(500_000);
    peer.send(sent);
    expect(hash(await peer.next())).toBe(hash(sent));
    peer.send("the program, please");
    expect(await peer.text()).toBe(readFileSync(join(project().folder, "bytes.js"), "utf8"));
    peer.send(randomBytes(1024 * 1024 + 1));
    expect(await peer.closed).toEqual([1009, "message too big"]);
    await server.stop();
  },
  SLOW,
);

test.each([0, 1, 64 * 1024, 10_000_001])(
  "a file of %i bytes comes back as it was sent",
  async (size) => {
    const { server, folder, url } = await startFiles();
    const file = randomBytes(size);
    const progress: number[] = [];
    const name = await client.upload(`${url}/upload`, new Blob([file]), (bytes) => progress.push(bytes));
    expect(hash(await readFile(join(folder, name)))).toBe(hash(file));
    // One for each answer, of a chunk each.
    expect(progress).toHaveLength(1 + Math.ceil(size / (64 * 1024)));
    expect(progress.at(-1)).toBe(size);
    const back = await client.download(`${url}/download?name=${name}`);
    expect(hash(new Uint8Array(await back.arrayBuffer()))).toBe(hash(file));
    await server.stop();
  },
  SLOW,
);

test(
  "a file that is too large is refused, and of an upload that is broken off nothing is left",
  async () => {
    const { server, folder, url } = await startFiles();
    await expect(client.upload(`${url}/upload`, new Blob([Buffer.alloc(32 * 1024 * 1024 + 1)]))).rejects.toThrow(
      "closed with 4413 the file is too large",
    );
    await becomes(() => readdirSync(folder), []);

    const leaving = await PageClient.open(server, "/upload");
    leaving.send(randomBytes(1000));
    expect(await leaving.json()).toEqual({ received: 1000 });
    expect(readdirSync(folder)).toHaveLength(1);
    leaving.socket.terminate();
    await becomes(() => readdirSync(folder), []);
    await server.stop();
  },
  SLOW,
);

test(
  "a download whose client has stopped reading is complete when it reads again",
  async () => {
    const { server, folder } = await startFiles();
    const file = randomBytes(16 * 1024 * 1024);
    const name = "00000000-0000-0000-0000-000000000000";
    await writeFile(join(folder, name), file);
    const slow = await PageClient.open(server, `/download?name=${name}`);
    slow.socket.pause();
    // Another client has the whole file meanwhile.
    const other = await PageClient.open(server, `/download?name=${name}`);
    expect(await readAll(other, file.length)).toBe(hash(file));
    slow.socket.resume();
    expect(await readAll(slow, file.length)).toBe(hash(file));
    await server.stop();
  },
  SLOW,
);

async function readAll(peer: PageClient, length: number): Promise<string> {
  const sum = createHash("sha256");
  for (let received = 0; received < length;) {
    const chunk = await peer.next();
    sum.update(chunk);
    received += chunk.length;
  }
  expect(await peer.closed).toEqual([1000, "complete"]);
  return sum.digest("hex");
}

test.each(["?name=../package.json", "?name=00000000-0000-0000-0000-00000000000f", ""])(
  "another name is refused: %s",
  async (query) => {
    const { server } = await startFiles();
    expect((await refusal(server, `/download${query}`))[0]).toBe(404);
    await server.stop();
  },
  SLOW,
);
