import { attempt } from "../../util/attempt.ts";
import type { Warnings } from "../../util/warnings.ts";
import { errorEvent } from "./events.ts";
import { isError } from "./thrown-text.ts";

/** Warns the process of an error that no `onError` gets. */
export function warnOfUnheard(warnings: Warnings, error: unknown): void {
  const { message } = errorEvent(error, "handler").errors[0];
  const text = `An error that no onError handled: ${message}`;
  warnings.warn(text, { code: "HWS_UNHEARD", text: () => text, detail: () => stackOf(error) });
}

function stackOf(error: unknown): string {
  return (isError(error) ? attempt(() => error.stack) : undefined) ?? "";
}
