/** What a value is, for the message of an error. A class that was given instead of an object is named. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object without it";
  if (typeof value !== "function") return `a ${typeof value}`;
  if (!isClass(value)) return "a function";
  const { name } = value as { name: unknown };
  const shown = typeof name === "string" && name !== "" ? name : "…";
  return `a class: did you mean "new ${shown}()"?`;
}

function isClass(value: object): boolean {
  try {
    return Function.prototype.toString.call(value).startsWith("class");
  } catch {
    return false;
  }
}
