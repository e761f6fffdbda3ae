import { describe, expect, test } from "vitest";
import { type Requirement, advice, requirements } from "../../scripts/requirements.ts";

/**
 * A `describe` whose tests need a program of the system. Without the program one test stands for all of them: it is
 * skipped with the reason, or, with CI=true, it fails.
 *
 * @param need - Which program, by its name in `scripts/requirements.ts`.
 * @param title - The title of the tests.
 * @param body - Defines the tests; is handed the program's path.
 *
 * @example
 * describeWith("chromium", "a browser", (chromium) => {
 *   test("says hello", async () => { ... });
 * });
 */
export function describeWith(need: keyof typeof requirements, title: string, body: (path: string) => void): void {
  const requirement: Requirement = requirements[need];
  const path = requirement.find();
  describe(title, () => {
    if (path !== undefined) {
      body(path);
      return;
    }
    const reason = `${requirement.name} is missing (${advice(requirement)})`;
    test(`needs ${requirement.name}`, (context) => {
      if (process.env["CI"] === "true") expect.fail(reason);
      context.skip(reason);
    });
  });
}
