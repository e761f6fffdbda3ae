import { Warnings } from "../../util/warnings.ts";

/** A class of streams does the same for each connection: one warning in the life of the process is enough. */
const warnings = new Warnings(Infinity);

/** Warns that a stream of the application does not do what streams do. */
export function warnOfStream(text: string): void {
  warnings.warn(text, { code: "HWS_STREAM_STUCK", text: () => text });
}
