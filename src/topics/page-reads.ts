import type { HistoryRule, Mark, Page } from "../backplane/contract.ts";
import { LazyMap } from "../util/lazy-map.ts";
import type { HistoryContext } from "./history-context.ts";

/** What the reads of a topic need of its server. */
type Context = Pick<HistoryContext<never>, "driver" | "counters" | "reads">;

/** The reads of one topic from its broker. */
export class PageReads {
  readonly #topic: string;
  readonly #rule: HistoryRule;
  readonly #context: Context;
  readonly #onPage: (page: Page) => void;
  /** Pages that are being read, by the mark before them. */
  readonly #reads = new LazyMap<string, Promise<Page>>();

  /** @param onPage is told of each page before the caller */
  constructor(topic: string, rule: HistoryRule, context: Context, onPage: (page: Page) => void) {
    this.#topic = topic;
    this.#rule = rule;
    this.#context = context;
    this.#onPage = onPage;
  }

  /** Reads a page: see `Driver.read`. */
  async read(after: number, since: Mark | undefined): Promise<Page> {
    this.#context.counters.reads++;
    const page = await this.#context.driver.read(this.#topic, this.#rule, after, since);
    this.#onPage(page);
    return page;
  }

  /**
   * The same for receivers, which wait until no more than 64 of them read. While a page is read, or waits for that, all who want the same one
   * wait for one read.
   */
  readOnce(after: number, since: Mark | undefined): Promise<Page> {
    const key = `${String(after)} ${since?.epoch ?? ""} ${since?.id ?? ""}`;
    let read = this.#reads.get(key);
    if (read === undefined) {
      read = this.#readInTurn(after, since).finally(() => this.#reads.delete(key));
      this.#reads.set(key, read);
    }
    return read;
  }

  async #readInTurn(after: number, since: Mark | undefined): Promise<Page> {
    const { reads } = this.#context;
    const turn = reads.take("all");
    if (turn !== undefined) await turn;
    try {
      return await this.read(after, since);
    } finally {
      reads.give("all");
    }
  }
}
