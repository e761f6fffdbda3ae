import { once } from "node:events";
import { connect } from "node:net";
import { type Browser, type Page, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { chromiumArguments } from "../support/chromium-arguments.ts";
import { SLOW, type RunningProgram, programsOf, usePage } from "../support/page-project.ts";
import { describeWith } from "../support/system.ts";
import { serve } from "./client.ts";
import { PageClient, becomes, printed } from "./page-client.ts";
import { Relay } from "./relay.ts";
import { type Framed, framed } from "../support/topic-frame.ts";

const PAGE = "docs/topics.md";
const project = usePage(PAGE);

test("the page has these programs", () => {
  expect([...programsOf(PAGE).keys()].sort()).toEqual(
    ["ask", "client", "listen", "newest", "payments", "presence", "prices", "server"]
      .map((name) => `${name}.ts`)
      .concat("page.html", "page.js")
      .sort(),
  );
});

type List = readonly (readonly [topic: unknown, since: unknown])[];

/** A client of server.js with a list of positions. */
function resume(server: Pick<RunningProgram, "port">, list: List, user = "ann"): Promise<PageClient> {
  const since = encodeURIComponent(JSON.stringify(list));
  return PageClient.open(server as RunningProgram, `/live?user=${user}&since=${since}`);
}

/** A client of server.js that has no topic. */
function writer(server: RunningProgram): Promise<PageClient> {
  return PageClient.open(server, "/live?user=bob");
}

function say(client: PageClient, text: string, topic = "chat:7"): void {
  client.send({ topic, text });
}

/** Reads messages up to one with this text. */
async function readTo(client: PageClient, text: string): Promise<Framed[]> {
  const got: Framed[] = [];
  do got.push(framed(await client.text()));
  while (textOf(got.at(-1)) !== text);
  return got;
}

function textOf(message: Framed | undefined): string | undefined {
  return message?.kind === "m" ? (JSON.parse(message.data) as { text: string }).text : undefined;
}

test(
  "newest.js: who joins gets the newest three messages, then what is published",
  async () => {
    const server = await serve(project(), "newest.js");
    const ann = await PageClient.open(server);
    for (let n = 1; n <= 5; n++) {
      ann.send(String(n));
      expect(await ann.text()).toBe(String(n));
    }
    const bob = await PageClient.open(server);
    expect([await bob.text(), await bob.text(), await bob.text()]).toEqual(["3", "4", "5"]);
    ann.send("6");
    expect(await bob.text()).toBe("6");
  },
  SLOW,
);

test(
  "server.js: a client that is cut and comes back gets everything once and in order, each time",
  async () => {
    const server = await serve(project(), "server.js");
    const bob = await writer(server);
    let position: unknown = null;
    const all: (string | undefined)[] = [];
    let said = 0;
    for (let round = 0; round < 20; round++) {
      const ann = await resume(server, [["chat:7", position]]);
      const joined = framed(await ann.text());
      expect(joined).toMatchObject({ kind: "s", flag: round === 0 ? "-" : "1", topic: "chat:7", data: "" });
      if (round > 0) expect(joined.position).toBe(position);
      for (let n = 0; n < 5; n++) say(bob, String(++said));
      // It is cut with messages on their way.
      for (let n = 0; n < 3; n++) {
        const message = framed(await ann.text());
        all.push(textOf(message));
        ({ position } = message);
      }
      ann.socket.terminate();
    }
    const last = await resume(server, [["chat:7", position]]);
    all.push(...(await readTo(last, String(said))).slice(1).map(textOf));
    expect(all).toEqual(Array.from({ length: said }, (_, index) => String(index + 1)));
    expect(server.output()).toBe("");
  },
  SLOW,
);

test(
  "server.js: after a restart the positions are not recovered, and the newest messages come",
  async () => {
    const server = await serve(project(), "server.js");
    const ann = await resume(server, [["chat:7", null]]);
    say(ann, "before");
    const { position } = (await readTo(ann, "before")).at(-1)!;
    server.kill("SIGKILL");
    await server.ended;

    const again = await serve(project(), "server.js", { PORT: String(server.port) });
    const bob = await resume(again, [["chat:7", null]]);
    say(bob, "after");
    await readTo(bob, "after");
    const back = await resume(again, [["chat:7", position]]);
    expect((await readTo(back, "after")).map(({ kind, flag, data }) => [kind, flag, data])).toEqual([
      ["s", "0", ""],
      ["m", "-", '{"from":"ann","text":"after"}'],
    ]);
  },
  SLOW,
);

test(
  "server.js: a client gets only the topics that it may read, at most 20, and may send anything as a list",
  async () => {
    const server = await serve(project(), "server.js");
    const bob = await writer(server);
    const strange = ["x".repeat(1_000), 7, {}, "AAAAAAAA.1.-"].map(
      (since, n) => [`chat:${String(n + 1)}`, since] as const,
    );
    const ann = await resume(server, [["secret", null], [null, null], ["chat:x", null], ...strange, ["chat:1", null]]);
    for (const [topic] of strange) expect(framed(await ann.text())).toMatchObject({ kind: "s", flag: "0", topic });
    say(bob, "hello", "chat:1");
    expect(textOf(framed(await ann.text()))).toBe("hello");

    const guest = await resume(server, [["chat:1", null]], "guest");
    guest.send({ topic: "chat:1", text: "let me in" });
    for (const path of ["/live", "/live?since=%7B", "/live?since=7", "/live?since=[7,[],null]"]) {
      const client = await PageClient.open(server, path);
      client.send({ resume: "chat:1" });
      client.send("null");
      client.send({ resume: [["chat:2", null]] });
      expect(framed(await client.text())).toMatchObject({ kind: "s", flag: "-", topic: "chat:2" });
    }
    say(bob, "the next one", "chat:1");
    expect(textOf(framed(await ann.text()))).toBe("the next one");

    const many = await resume(
      server,
      Array.from({ length: 20 }, (_, n) => [`chat:${String(n + 1)}`, null] as const),
    );
    many.send({ resume: [["chat:21", null]] });
    say(many, "end", "chat:20");
    const topics = (await readTo(many, "end")).filter(({ kind }) => kind === "s").map(({ topic }) => topic);
    expect(topics).toEqual(Array.from({ length: 20 }, (_, n) => `chat:${String(n + 1)}`));
  },
  SLOW,
);

test(
  "client.js resumes by itself, with everything once and in order, and says when something is missing",
  async () => {
    const server = await serve(project(), "server.js");
    const relay = await Relay.open(server);
    const client = await project().begin("client.js", { SERVER: `ws://127.0.0.1:${String(relay.port)}/live` });
    onTestFinished(() => client.stop().then(() => {}));
    const bob = await resume(server, [["chat:7", null]]);
    let said = 0;
    let expected = "";
    const sayNext = (): void => {
      const text = String(++said);
      say(bob, text);
      expected += `message {"from":"ann","text":"${text}"}\n`;
    };
    // A warning tells of the fifth dial in a row that fails, on a busy machine.
    const lines = (): string => client.output().replaceAll(/^(?!message |something ).*\n/gm, "");
    sayNext();
    await becomes(lines, expected);
    for (let round = 0; round < 3; round++) {
      relay.cut();
      for (let n = 0; n < 5; n++) sayNext();
      await becomes(lines, expected);
    }

    relay.target = undefined;
    server.kill("SIGKILL");
    await server.ended;
    relay.target = await serve(project(), "server.js");
    await printed(client, "something is missing: begin anew\n");
    say(await writer(relay.target), "new");
    await becomes(lines, `${expected}something is missing: begin anew\nmessage {"from":"bob","text":"new"}\n`);
  },
  SLOW,
);

test(
  "prices.js: the state first, then the changes; who reads so slowly that the history rolls over gets the state anew",
  async () => {
    const server = await serve(project(), "prices.js");
    const ann = await PageClient.open(server);
    expect(await ann.json()).toEqual({ all: { eur: "1.08", usd: "1" } });
    ann.send({ name: "unknown", price: "1" });
    ann.send({ name: "usd", price: "0" });
    expect(await ann.json()).toEqual({ name: "usd", price: "0" });
    const slow = await PageClient.open(server);
    expect(await slow.json()).toEqual({ all: { eur: "1.08", usd: "0" } });

    slow.socket.pause();
    const rest = "x".repeat(900_000);
    for (let n = 1; n <= 60; n++) {
      ann.send({ name: "usd", price: `${String(n)} ${rest}` });
      expect(await ann.json()).toMatchObject({ name: "usd" });
    }
    ann.send({ name: "eur", price: "2" });
    expect(await ann.json()).toEqual({ name: "eur", price: "2" });
    slow.socket.resume();

    interface Said {
      readonly name?: string;
      readonly price?: string;
      readonly all?: Readonly<Record<string, string>>;
    }
    const got: Said[] = [];
    do got.push((await slow.json()) as Said);
    while (got.at(-1)?.name !== "eur");
    const numbers = got.filter(({ name }) => name === "usd").map(({ price = "" }) => Number.parseInt(price, 10));
    // Changes are missing, which a state has that comes in their place.
    const jump = numbers.findIndex((n, index) => n !== index + 1);
    const missing = numbers[jump]! - 1;
    const states = got.flatMap(({ all }) => (all === undefined ? [] : [Number.parseInt(all["usd"]!, 10)]));
    expect(Math.max(...states)).toBeGreaterThanOrEqual(missing);
    // The newest ten changes were kept.
    expect(numbers.slice(-9)).toEqual(Array.from({ length: 9 }, (_, index) => 52 + index));
    expect(server.output()).toBe("");
  },
  SLOW,
);

test(
  "payments.js: a request that is repeated is published once",
  async () => {
    const server = await serve(project(), "payments.js");
    const client = await PageClient.open(server);
    const pay = async (key: string, body: string): Promise<string> => {
      const headers = { "idempotency-key": key };
      const answer = await fetch(`http://127.0.0.1:${String(server.port)}/`, { method: "POST", headers, body });
      return answer.text();
    };
    expect(await pay("a", "10 EUR")).toBe("number 1\n");
    expect(await pay("a", "10 EUR")).toBe("number 1, again\n");
    expect(await pay("b", "20 EUR")).toBe("number 2\n");
    expect(await pay("no key", "30 EUR")).toBe("not accepted\n");
    expect(await pay("large", "x".repeat(10_001))).toBe("not accepted\n");
    const request = connect(server.port, "127.0.0.1");
    request.end("POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: cut\r\nContent-Length: 100\r\n\r\n30");
    await once(request.resume(), "close");
    expect(await pay("b", "20 EUR")).toBe("number 2, again\n");
    expect(server.output()).toBe("");
    expect([await client.text(), await client.text()]).toEqual(["10 EUR", "20 EUR"]);
  },
  SLOW,
);

describeWith("chromium", "page.js in Chromium", (executablePath) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: [...chromiumArguments] });
  });
  afterAll(() => browser.close());

  const texts = (page: Page): Promise<string[]> => page.getByRole("listitem").allTextContents();

  test(
    "resumes with everything once and in order; after a restart of the server it begins anew",
    async () => {
      const server = await serve(project(), "server.js");
      const relay = await Relay.open(server);
      const page = await browser.newPage();
      onTestFinished(() => page.close());
      await page.goto(`http://127.0.0.1:${String(relay.port)}/`);
      const bob = await resume(server, [["chat:7", null]]);
      say(bob, "1");
      await becomes(() => texts(page), ["1"]);
      await page.getByRole("textbox", { name: "Text" }).fill("2");
      await page.keyboard.press("Enter");
      await becomes(() => texts(page), ["1", "2"]);

      relay.target = undefined;
      relay.cut();
      for (const text of ["3", "<b>4</b>", "5"]) say(bob, text);
      await readTo(bob, "5");
      relay.target = server;
      await becomes(() => texts(page), ["1", "2", "3", "<b>4</b>", "5"]);
      say(bob, "6");
      await becomes(() => texts(page), ["1", "2", "3", "<b>4</b>", "5", "6"]);

      relay.target = undefined;
      server.kill("SIGKILL");
      await server.ended;
      const again = await serve(project(), "server.js");
      const eve = await resume(again, [["chat:7", null]]);
      say(eve, "new");
      await readTo(eve, "new");
      relay.target = again;
      await becomes(() => texts(page), ["new"]);
      expect(again.output()).toBe("");
    },
    SLOW,
  );
});

test(
  "presence.js: two tabs are one member; who closes both has left",
  async () => {
    const server = await serve(project(), "presence.js");
    const ann = await PageClient.open(server, "/?user=ann");
    const tab = await PageClient.open(server, "/?user=ann");
    const bob = await PageClient.open(server, "/?user=bob");
    await printed(server, "bob has come to chat");
    bob.send("who?");
    let text = await bob.text();
    while (text.startsWith("\x1e")) text = await bob.text();
    expect(JSON.parse(text)).toEqual({ total: 2, names: ["ann", "bob"] });
    ann.socket.close();
    tab.socket.close();
    await printed(server, "ann has left chat");
    expect(server.output().split("ann has come")).toHaveLength(2);
  },
  SLOW,
);

test(
  "ask.js: a client gets the topics that it may have, and is told of the others",
  async () => {
    const server = await serve(project(), "ask.js");
    const ann = await PageClient.open(server, "/?user=ann", {}, ["hawser.v1"]);
    const answers: (readonly string[])[] = [];
    for (const topic of ["news", "team:red", "team:blue", "chat:7"]) {
      ann.socket.send(`\x1es - 100 ${topic}\n`);
      const { kind, flag } = framed(await ann.text());
      answers.push([topic, kind, flag]);
    }
    expect(answers).toEqual([
      ["news", "s", "-"],
      ["team:red", "s", "-"],
      ["team:blue", "u", "403"],
      ["chat:7", "s", "-"],
    ]);
    ann.socket.send("hello");
    expect(framed(await ann.text())).toMatchObject({ kind: "m", topic: "chat:7", data: "hello" });
    ann.socket.send("\x1eu - - chat:7\n");
    expect(framed(await ann.text())).toMatchObject({ kind: "u", flag: "1000", topic: "chat:7" });
    expect(server.output()).toBe("");
  },
  SLOW,
);

test(
  "listen.js: the client subscribes, is told of a refusal, and resumes after it was cut",
  async () => {
    const server = await serve(project(), "ask.js");
    const relay = await Relay.open(server);
    const client = await project().begin("listen.js", { SERVER: `ws://127.0.0.1:${String(relay.port)}/?user=ann` });
    onTestFinished(() => client.stop().then(() => {}));
    await printed(client, "HWS_SUBSCRIBE_REFUSED");
    const bob = await PageClient.open(server, "/?user=bob");
    bob.socket.send("one");
    await printed(client, "chat:7 one");
    relay.cut();
    bob.socket.send("two");
    await printed(client, "back true");
    await printed(client, "chat:7 two");
    expect(client.output().match(/chat:7 (one|two)|load/g)).toEqual(["chat:7 one", "chat:7 two"]);
  },
  SLOW,
);
