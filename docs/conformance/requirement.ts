/** Who has to keep a requirement. `other` is neither end: a proxy, a browser's page, the author of an extension. */
export type Role = "server" | "client" | "both" | "other";

/** `shown`: a test proves it. `later`: its code does not exist yet. `not-applicable`: nothing here can keep or break it. */
export type Status = "shown" | "later" | "not-applicable";

/** One sentence of a specification that must hold. */
export interface Requirement {
  /** Document, section and a number or a word: `6455-5.1-3`, `4D-2-open-once`. Tests name it. */
  readonly id: string;
  readonly role: Role;
  /** The requirement in our words, in one line. */
  readonly text: string;
  readonly status: Status;
  /** Why there is no test. Empty when the status is `shown`. */
  readonly why: string;
  /** Other ids whose tests show this requirement too. */
  readonly shownBy: readonly string[];
}

/** One section of a specification: every id in it starts with `prefix` and a hyphen. */
export interface Section {
  readonly prefix: string;
  readonly title: string;
  readonly requirements: readonly Requirement[];
}

/**
 * A requirement that tests show.
 *
 * @param id - its name
 * @param role - who has to keep it
 * @param text - one line that says it
 * @param shownBy - other ids whose tests show it too
 */
export function shown(id: string, role: Role, text: string, shownBy: readonly string[] = []): Requirement {
  return { id, role, text, status: "shown", why: "", shownBy };
}

/**
 * A requirement on the client class, which does not exist yet.
 *
 * @param id - its name
 * @param text - one line that says it
 */
export function later(id: string, text: string): Requirement {
  return { id, role: "client", text, status: "later", why: "the client class is not written yet", shownBy: [] };
}

/**
 * A requirement that nothing in this package can keep or break.
 *
 * @param id - its name
 * @param role - who has to keep it
 * @param text - one line that says it
 * @param why - why it does not concern this package
 */
export function notApplicable(id: string, role: Role, text: string, why: string): Requirement {
  return { id, role, text, status: "not-applicable", why, shownBy: [] };
}
