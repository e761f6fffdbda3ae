import { expect, test } from "vitest";
import { checkOptionNames } from "../../src/server/option-names.ts";

test("options that there are, and none, are accepted", () => {
  for (const options of [{}, { to: [], except: [], topics: "a", exceptTopics: "b", key: "c", compress: false }])
    expect(() => checkOptionNames("broadcast", options)).not.toThrow();
  expect(() => checkOptionNames("ws.publish", { key: "a", compress: true })).not.toThrow();
});

test.each([
  ["publish", { topics: "a" }, 'publish: there is no option "topics"'],
  ["broadcast", { excepts: [] }, 'broadcast: there is no option "excepts": did you mean except?'],
  ["ws.publish", { except: [] }, 'publish: there is no option "except"'],
  ["ws.publish", { compres: true }, 'publish: there is no option "compres": did you mean compress?'],
  ["ws.publish", null, "publish: options: expected an object"],
  ["publish", null, "publish: options: expected an object"],
  ["publish", "a", "publish: options: expected an object"],
] as const)("%s with %o: %s", (method, options, message) => {
  expect(() => checkOptionNames(method, options)).toThrow(
    expect.objectContaining({ code: "HWS_INVALID_ARGUMENT", message }) as Error,
  );
});
