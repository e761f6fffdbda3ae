import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SLOW, usePage } from "../support/page-project.ts";
import { Client, serve } from "./client.ts";

const project = usePage("docs/guides/requests-and-answers.md");

/** Far longer than a test: only a cancel message, or the end of the connection, ends it. */
const LONG = 600_000;

test(
  "requests get their answers in order, and errors are answers",
  async () => {
    const program = await serve(project(), "requests.js");
    const url = `ws://127.0.0.1:${String(program.port)}`;
    const client = await Client.open(url);
    client.send({ id: 1, method: "sleep", params: 20 });
    client.send({ id: 2, method: "double", params: 21 });
    client.send({ id: 3, method: "double", params: "21" });
    client.send({ id: 4, method: "constructor", params: 1 });
    expect(await client.json()).toEqual({ id: 1, result: "awake" });
    expect(await client.json()).toEqual({ id: 2, result: 42 });
    expect(await client.json()).toEqual({ id: 3, error: "params: expected a number" });
    expect(await client.json()).toEqual({ id: 4, error: "unknown method" });

    for (const bad of ["null", "[]", "1", { id: "1", method: "double" }, { id: 1 }]) {
      const other = await Client.open(url);
      other.send(bad);
      expect(await other.closed).toEqual({ code: 1008, reason: "not a request" });
    }
    const other = await Client.open(url);
    other.send("no JSON");
    expect(await other.closed).toEqual({ code: 1007, reason: "invalid JSON" });
    client.send({ id: 5, method: "sleep", params: LONG });
    client.socket.close(1000);
    expect((await client.closed).code).toBe(1000);
    expect(program.output()).not.toContain("AbortError");
  },
  SLOW,
);

test(
  "requests in parallel: each may be cancelled, and a client has at most 10",
  async () => {
    const program = await serve(project(), "parallel.js");
    const url = `ws://127.0.0.1:${String(program.port)}`;
    const client = await Client.open(url);
    client.send({ id: 1, method: "sleep", params: LONG });
    client.send({ id: 2, method: "double", params: 21 });
    expect(await client.json()).toEqual({ id: 2, result: 42 });
    for (let id = 2; id <= 10; id++) client.send({ id, method: "sleep", params: LONG });
    client.send({ id: 11, method: "double", params: 1 });
    expect(await client.json()).toEqual({ id: 11, error: "too many requests" });

    client.send({ cancel: 99 });
    client.send({ cancel: 7 });
    expect(await client.json()).toEqual({ id: 7, error: "cancelled" });
    client.send({ id: 11, method: "double", params: 1 });
    expect(await client.json()).toEqual({ id: 11, result: 2 });

    const other = await Client.open(url);
    other.send({ id: 1, method: "sleep", params: LONG });
    other.send({ id: 1, method: "sleep", params: LONG });
    expect(await other.closed).toEqual({ code: 1008, reason: "not a request" });
    expect(program.output()).toBe("");
  },
  SLOW,
);

/** Prints again and again how many timers the program has. */
const PROBE = `
const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
setInterval(() => console.log(timers()), 50).unref();
`;

test(
  "the requests of a client end with its connection",
  async () => {
    await writeFile(join(project().folder, "probe.js"), PROBE);
    const program = await serve(project(), "parallel.js", { NODE_OPTIONS: "--import ./probe.js" });
    const timers = (): number => Number(program.output().trim().split("\n").at(-1));
    const client = await Client.open(`ws://127.0.0.1:${String(program.port)}`);
    for (let id = 1; id <= 10; id++) client.send({ id, method: "sleep", params: LONG });
    await expect.poll(timers, { timeout: 10_000 }).toBeGreaterThanOrEqual(10);
    client.socket.terminate();
    await expect.poll(timers, { timeout: 10_000 }).toBeLessThan(10);
  },
  SLOW,
);

test(
  "the server asks the client, and closes when there is no answer in time",
  async () => {
    const program = await serve(project(), "ask.js");
    const url = `ws://127.0.0.1:${String(program.port)}`;
    const silent = await Client.open(url);
    const leaver = await Client.open(url);
    await leaver.json();
    leaver.socket.terminate();

    const ann = await Client.open(url);
    expect(await ann.json()).toEqual({ id: 1, question: "What is your name?" });
    ann.send("null");
    ann.send({ id: 2, answer: "not asked" });
    ann.send({ id: 1, answer: "ann" });
    expect(await ann.json()).toEqual({ greeting: "Hello ann" });
    ann.send({ id: 1, answer: "late" });
    expect(await silent.closed).toEqual({ code: 4408, reason: "no answer" });
    expect(ann.socket.readyState).toBe(ann.socket.OPEN);
    expect(program.output()).toBe("");
  },
  SLOW,
);
