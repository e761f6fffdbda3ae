import { formatSize, parseSize } from "../sizes.ts";

/** One workload of the engines: what the frame parser or the frame writer must do, without a socket. */
export interface EngineWork {
  readonly id: string;
  readonly title: string;
  readonly part: "parse" | "write";
  readonly format: "text" | "binary";
  /** The payload length of one frame. */
  readonly size: number;
  /** The number of frames of one message. */
  readonly fragments: number;
  /** If true, chunks end anywhere, so that most frames are cut. Otherwise chunks have the maximum size of a socket. */
  readonly cut: boolean;
}

/** The workloads of a full run, in this order. */
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

/** The workloads of `--quick`. */
export const QUICK_ENGINE_WORK: readonly string[] = ["parse-text-20", "write-text-20"];

/** The forms of the ids. */
export const ENGINE_GRAMMAR =
  "parse-text-SIZE, parse-binary-SIZE, parse-cut-SIZE, parse-fragments-SIZE, write-text-SIZE and write-binary-SIZE";

const FRAGMENTS = 16;

// The maximum payload length of a frame: a slice has 256 frames, and is compared at once.
const LARGEST = 512 * 1024;

/** Whether an id, or the beginning of one, is a workload of the engines. */
export function isEngineId(id: string): boolean {
  return /^(parse|write)(-|$)/.test(id);
}

/**
 * The workloads of a list of ids. As with `selectWork`, other sizes are possible, and the beginning of usual ids selects
 * all of them.
 *
 * @throws RangeError - for an invalid id
 */
export function selectEngineWork(ids: readonly string[]): EngineWork[] {
  const whole = ids.flatMap((id) => {
    const matching = ALL_ENGINE_WORK.filter((usual) => usual === id || usual.startsWith(`${id}-`));
    return matching.length > 0 ? matching : [id];
  });
  return [...new Set(whole)].map(parseEngineWork);
}

/**
 * The workload with this id.
 *
 * @throws RangeError - if the id is invalid
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
    `no workload is called "${id}"; ids are ${ENGINE_GRAMMAR}, up to 512k; the usual ones:\n  ${ALL_ENGINE_WORK.join(" ")}`,
  );
}
