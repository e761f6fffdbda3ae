import { formatSize, parseSize } from "../sizes.ts";

/** One row of the engine's benchmark: what the frame parser or the frame writer has to do, without a socket. */
export interface EngineWork {
  readonly id: string;
  readonly title: string;
  readonly part: "parse" | "write";
  readonly format: "text" | "binary";
  /** Payload bytes of one frame. */
  readonly size: number;
  /** Frames of one message. */
  readonly fragments: number;
  /** Chunks end anywhere, so that most frames are cut; otherwise they are as long as a socket's longest. */
  readonly cut: boolean;
}

/** What a full run of the benchmark does, in this order. */
export const ALL_ENGINE_WORK: readonly string[] = [
  "parse-text-20",
  "parse-text-125",
  "parse-text-1k",
  "parse-binary-64k",
  "parse-cut-20",
  "parse-fragments-256",
  "write-text-20",
  "write-text-1k",
  "write-binary-64k",
];

/** What `--quick` does. */
export const QUICK_ENGINE_WORK: readonly string[] = ["parse-text-20", "write-text-20"];

/** What the engine's ids look like. */
export const ENGINE_GRAMMAR =
  "parse-text-SIZE, parse-binary-SIZE, parse-cut-SIZE, parse-fragments-SIZE, write-text-SIZE and write-binary-SIZE";

const FRAGMENTS = 16;

// Payload bytes of a frame at most: a slice has 256 of them, and is compared in one piece.
const LARGEST = 1024 * 1024;

/** Whether an id, or the beginning of one, is work of the engine's. */
export function isEngineId(id: string): boolean {
  return /^(parse|write)(-|$)/.test(id);
}

/**
 * The rows a list of ids stands for, as `selectWork` has it: sizes are free, the beginning of usual ids stands for all
 * of them.
 *
 * @throws RangeError - for what is neither
 */
export function selectEngineWork(ids: readonly string[]): EngineWork[] {
  const whole = ids.flatMap((id) => {
    const begun = ALL_ENGINE_WORK.filter((usual) => usual === id || usual.startsWith(`${id}-`));
    return begun.length > 0 ? begun : [id];
  });
  return [...new Set(whole)].map(parseEngineWork);
}

/**
 * The work an id names.
 *
 * @throws RangeError - for an id that names none
 */
export function parseEngineWork(id: string): EngineWork {
  const [part, kind, bytes = "", ...more] = id.split("-");
  const size = parseSize(bytes);
  const named = formatSize(size);
  const base = { id, format: "text", size, fragments: 1, cut: false } as const;
  if (size > 0 && size <= LARGEST && more.length === 0) {
    if ((part === "parse" || part === "write") && (kind === "text" || kind === "binary"))
      return { ...base, title: `${part} ${named} ${kind}`, part, format: kind };
    if (part === "parse" && kind === "cut")
      return { ...base, title: `parse ${named} text, cut anywhere`, part, cut: true };
    if (part === "parse" && kind === "fragments")
      return { ...base, title: `parse ${FRAGMENTS} × ${named} text`, part, fragments: FRAGMENTS };
  }
  throw new RangeError(
    `no work is called "${id}"; ids are ${ENGINE_GRAMMAR}, up to 1m; the usual ones:\n  ${ALL_ENGINE_WORK.join(" ")}`,
  );
}
