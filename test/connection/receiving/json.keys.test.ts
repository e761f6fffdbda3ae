import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_MAX_JSON_DEPTH, DEFAULT_MAX_JSON_VALUES, parseJson } from "../../../src/connection/receiving/json.ts";
import { cases, seed } from "../../support/fuzz.ts";

function parse(text: string): unknown {
  return parseJson(text, { maxJsonDepth: DEFAULT_MAX_JSON_DEPTH, maxJsonValues: DEFAULT_MAX_JSON_VALUES });
}

/** A key with some letters escaped: one bit of `which` for each letter. */
function escaped(key: string, which: number, upper = false): string {
  const letters = Array.from(key, (letter, i) => {
    if (((which >> i) & 1) === 0) return letter;
    const digits = letter.charCodeAt(0).toString(16).padStart(4, "0");
    return `\\u${upper ? digits.toUpperCase() : digits}`;
  });
  return `"${letters.join("")}"`;
}

/** A careless merge: it descends into any property of the target, own or inherited. */
function merge(target: Record<string, unknown>, source: unknown): void {
  if (typeof source !== "object" || source === null) return;
  for (const key of Object.keys(source)) {
    const value = (source as Record<string, unknown>)[key];
    const there = target[key];
    const into = (typeof there === "object" && there !== null) || typeof there === "function";
    if (into && typeof value === "object" && value !== null) merge(there as Record<string, unknown>, value);
    else target[key] = value;
  }
}

/** The prototypes of JSON values. */
const PROTOTYPES = [Object.prototype, Array.prototype, Function.prototype, String.prototype, Number.prototype];

function keysOfPrototypes(): string {
  return JSON.stringify(PROTOTYPES.map((one) => Object.getOwnPropertyNames(one)));
}

const BAD = { polluted: true };

describe("__proto__", () => {
  test.each([
    '"__proto__"',
    '"\\u005f_proto__"',
    '"_\\u005Fproto__"',
    '"\\u005f\\u005f\\u0070\\u0072\\u006f\\u0074\\u006f\\u005f\\u005f"',
    '"__pr\\u006fto__"',
    '"__proto_\\u005f"',
  ])("is left out as %s, and its siblings stay", (key) => {
    const value = parse(`{"a":1,${key}:{"polluted":true},"b":2}`) as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(["a", "b"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(value["polluted"]).toBeUndefined();
  });

  test("is left out with any of its letters escaped", () => {
    for (let which = 0; which < 512; which++) {
      for (const upper of [false, true]) {
        const value = parse(`{${escaped("__proto__", which, upper)}:1}`) as object;
        expect(Object.getOwnPropertyNames(value)).toEqual([]);
      }
    }
  });

  test("is left out with any of its letters escaped in a text that has part of it elsewhere", () => {
    for (let which = 0; which < 512; which++) {
      const key = escaped("__proto__", which);
      for (const other of ['"proto"', '"protocol"', '"\\\\u005f"', '"\\n"'])
        expect(JSON.stringify(parse(`[${other},{${key}:{"polluted":true}},${other}]`))).toBe(`[${other},{},${other}]`);
    }
  });

  test("is left out at any place, and more than once", () => {
    const text = '[{"__proto__":0},[[{"a":{"b":[{"__proto__":{"__proto__":1},"__proto__":[]}],"__proto__":null}}]]]';
    expect(parse(text)).toEqual([{}, [[{ a: { b: [{}] } }]]]);
    expect(JSON.stringify(parse(text))).toBe('[{},[[{"a":{"b":[{}]}}]]]');
  });

  test("is left out at every allowed depth", () => {
    const text = `${'{"a":'.repeat(63)}{"__proto__":1}${"}".repeat(63)}`;
    expect(JSON.stringify(parse(text))).toBe(`${'{"a":'.repeat(63)}{}${"}".repeat(63)}`);
  });

  test.each(["1", "null", '"x"', "[]", "{}", '{"a":1}'])("is left out with any value: %s", (value) => {
    expect(Object.getOwnPropertyNames(parse(`{"__proto__":${value}}`))).toEqual([]);
  });
});

describe("constructor", () => {
  test("is left out when its value has a prototype key, in any notation", () => {
    for (let which = 0; which < 2048; which += 7) {
      const [outer, inner] = [escaped("constructor", which), escaped("prototype", which % 512)];
      expect(JSON.stringify(parse(`{"a":1,${outer}:{"b":2,${inner}:{"polluted":true}}}`))).toBe('{"a":1}');
      expect(JSON.stringify(parse(`{"constructor":{${inner}:0}}`))).toBe("{}");
      expect(JSON.stringify(parse(`{${outer}:{"prototype":0}}`))).toBe("{}");
    }
  });

  test("is left out inside itself and in arrays", () => {
    const text = '[{"constructor":{"constructor":{"prototype":{"polluted":true}}}}]';
    expect(JSON.stringify(parse(text))).toBe('[{"constructor":{}}]');
  });

  test("stays without one: it may be anything", () => {
    for (const text of [
      '{"constructor":"Renault"}',
      '{"constructor":null,"prototype":1}',
      '{"constructor":{"name":"prototype"}}',
      '{"constructor":["prototype"]}',
      '{"constructor":{"a":{"prototype":1}}}',
    ])
      expect(JSON.stringify(parse(text))).toBe(text);
  });
});

describe("a harmless text that looks dangerous", () => {
  test.each([
    '"__proto__"',
    '["__proto__","constructor","prototype"]',
    '{"text":"say \\"__proto__\\": {}"}',
    '{"a":"\\u005f\\u005fproto__"}',
    '{"proto":1,"__proto":2,"proto__":3,"___proto___":4,"__PROTO__":5}',
    '{"prototype":{"a":1}}',
    '{"hasOwnProperty":1,"toString":2,"valueOf":3}',
    '{"\\u00e9":"\\u0000"}',
  ])("stays: %s", (text) => {
    expect(parse(text)).toStrictEqual(JSON.parse(text));
  });
});

describe("any JSON", () => {
  test("without dangerous keys gives the result of JSON.parse", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8, stringUnit: "grapheme" }), (text) => {
        const plain: unknown = JSON.parse(text);
        fc.pre(!/"(__proto__|prototype)"/.test(JSON.stringify(plain)));
        expect(parse(text)).toStrictEqual(plain);
      }),
      { seed, numRuns: cases(1000) },
    );
  });

  /** Values in which dangerous keys are as frequent as others, as text with random escapes in the keys. */
  const hostile = fc.letrec<{ value: string }>((tie) => {
    const name = fc.constantFrom("__proto__", "constructor", "prototype", "a", "b");
    const key = fc.tuple(name, fc.oneof(fc.constant(0), fc.nat({ max: 2047 }))).map(([k, which]) => escaped(k, which));
    const members = fc.array(fc.tuple(key, tie("value")), { maxLength: 4 });
    return {
      value: fc.oneof(
        { depthSize: "medium", maxDepth: 6 },
        fc.constantFrom("1", "null", '"__proto__"', "true"),
        members.map((all) => `{${all.map(([k, v]) => `${k}:${v}`).join(",")}}`),
        fc.array(tie("value"), { maxLength: 3 }).map((all) => `[${all.join(",")}]`),
        fc.constant(JSON.stringify(BAD)),
      ),
    };
  }).value;

  test("changes no prototype when it is assigned or merged into another object, however hostile", () => {
    const before = keysOfPrototypes();
    fc.assert(
      fc.property(hostile, (text) => {
        const value = parse(text);
        expect(Object.getPrototypeOf(Object.assign({}, value))).toBe(Object.prototype);
        const target = { a: {}, b: [] };
        // The merge reaches the constructors that all objects share: its changes there are removed again.
        const shared = [Object, Array, Function].map((one) => [one, Object.getOwnPropertyNames(one)] as const);
        merge(target, value);
        for (const [one, names] of shared)
          for (const name of Object.getOwnPropertyNames(one))
            if (!names.includes(name)) Reflect.deleteProperty(one, name);
        expect(Object.getPrototypeOf(target)).toBe(Object.prototype);
        expect(keysOfPrototypes()).toBe(before);
        expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      }),
      { seed, numRuns: cases(1000) },
    );
  });

  test("keeps all that is not dangerous, however hostile", () => {
    const safe = (value: unknown): unknown => {
      if (typeof value !== "object" || value === null) return value;
      if (Array.isArray(value)) return value.map(safe);
      const kept = Object.entries(value as Record<string, unknown>).filter(([key, one]) => {
        if (key === "__proto__") return false;
        return !(key === "constructor" && typeof one === "object" && one !== null && Object.hasOwn(one, "prototype"));
      });
      return Object.fromEntries(kept.map(([key, one]) => [key, safe(one)]));
    };
    let disarmed = 0;
    fc.assert(
      fc.property(hostile, (text) => {
        const plain: unknown = JSON.parse(text);
        const wanted = safe(plain);
        if (JSON.stringify(wanted) !== JSON.stringify(plain)) disarmed++;
        expect(JSON.stringify(parse(text))).toBe(JSON.stringify(wanted));
      }),
      { seed, numRuns: cases(1000) },
    );
    expect(disarmed).toBeGreaterThan(0);
  });
});
