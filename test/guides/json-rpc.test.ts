import { expect, test } from "vitest";
import { SLOW, usePage } from "../support/page-project.ts";
import { Client, serve } from "./client.ts";

const project = usePage("docs/guides/json-rpc.md");

/** Calls and their answers: those of the specification first. */
const CALLS: readonly (readonly [name: string, call: string | object, answer: unknown])[] = [
  ["parameters", { method: "subtract", params: [42, 23], id: 1 }, { id: 1, result: 19 }],
  ["an id of text", { method: "subtract", params: [23, 42], id: "a" }, { id: "a", result: -19 }],
  ["an id of null", { method: "subtract", params: [1, 1], id: null }, { id: null, result: 0 }],
  ["no such method", { method: "foobar", id: "1" }, failed("1", -32601, "Method not found")],
  ["a name of objects", { method: "constructor", id: 2 }, failed(2, -32601, "Method not found")],
  ["wrong parameters", { method: "subtract", params: ["1", 2], id: 3 }, failed(3, -32602, "Invalid params")],
  ["parameters by name", { method: "subtract", params: { a: 1 }, id: 3 }, failed(3, -32602, "Invalid params")],
  ["no JSON", '{"jsonrpc": "2.0", "method": "foobar, "params": "bar"]', failed(null, -32700, "Parse error")],
  ["JSON that is too deep", "[".repeat(100) + "]".repeat(100), failed(null, -32700, "Parse error")],
  ["a method that is no text", { method: 1, params: "bar" }, failed(null, -32600, "Invalid Request")],
  ["parameters that are no list", { method: "subtract", params: "bar" }, failed(null, -32600, "Invalid Request")],
  ["an id that is no id", { method: "subtract", id: {} }, failed(null, -32600, "Invalid Request")],
  ["null", "null", failed(null, -32600, "Invalid Request")],
  ["an empty batch", "[]", failed(null, -32600, "Invalid Request")],
  ["a batch of nothing", "[1]", [{ jsonrpc: "2.0", ...failed(null, -32600, "Invalid Request") }]],
];

function failed(id: unknown, code: number, message: string): object {
  return { id, error: { code, message } };
}

test(
  "JSON-RPC 2.0: calls, errors, notifications and batches",
  async () => {
    const program = await serve(project(), "json-rpc.js");
    const client = await Client.open(`ws://127.0.0.1:${String(program.port)}`);
    for (const [name, call, answer] of CALLS) {
      client.send(typeof call === "string" ? call : { jsonrpc: "2.0", ...call });
      const expected = Array.isArray(answer) ? (answer as unknown[]) : { jsonrpc: "2.0", ...(answer as object) };
      expect(await client.json(), name).toEqual(expected);
    }
    // A notification has no answer, also if it fails: the next answer is that of the batch.
    client.send({ jsonrpc: "2.0", method: "subtract", params: [1, 2] });
    client.send({ jsonrpc: "2.0", method: "foobar" });
    client.send('[{"jsonrpc":"2.0","method":"subtract"}]');
    const call = { jsonrpc: "2.0", method: "subtract", params: [3, 1] };
    client.send([{ ...call, id: 7 }, call, { ...call, method: "foobar", id: 8 }, { foo: "boo" }]);
    expect(await client.json()).toEqual([
      { jsonrpc: "2.0", id: 7, result: 2 },
      { jsonrpc: "2.0", ...failed(8, -32601, "Method not found") },
      { jsonrpc: "2.0", ...failed(null, -32600, "Invalid Request") },
    ]);
    // 100 calls of one client may run.
    client.send(Array.from({ length: 102 }, (_, id) => ({ ...call, id })));
    const answers = (await client.json()) as object[];
    expect(answers[99]).toEqual({ jsonrpc: "2.0", id: 99, result: 2 });
    expect(answers.slice(100)).toEqual(
      [100, 101].map((id) => ({ jsonrpc: "2.0", ...failed(id, -32000, "Too many calls") })),
    );
    client.send({ ...call, id: 1 });
    expect(await client.json()).toEqual({ jsonrpc: "2.0", id: 1, result: 2 });
    expect(program.output()).toBe("");
  },
  SLOW,
);
