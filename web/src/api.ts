/** Requests to the REST interface, with the token in a header; refusals keep what they say of cause and way out. */

export type Role = "read" | "submit" | "operate" | "admin";

/** What the interface refused, or why it was not reached. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly fix: string,
  ) {
    super(detail);
  }

  static unreachable(): Problem {
    return new Problem(0, "unreachable", "No answer", "the system does not answer", "See whether `management` runs; the page tries again by itself.");
  }
}

const KEY = "wharfinger-token";
let token = sessionStorage.getItem(KEY) ?? "";

export function hasToken(): boolean {
  return token !== "";
}

/** The token for all further requests of this tab; empty: none. */
export function setToken(text: string): void {
  token = text.trim();
  if (token === "") sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, token);
}

interface Refusal {
  code?: string;
  title?: string;
  detail?: string;
  fix?: string;
}

async function refused(response: Response): Promise<Problem> {
  const refusal = (await response.json().catch(() => ({}))) as Refusal;
  const { code = "unknown", title = "Refused", detail = `the answer has status ${response.status}`, fix = "Try again." } = refusal;
  return new Problem(response.status, code, title, detail, fix);
}

/** An answer whose head has come, or the problem. */
export async function send(path: string, options: RequestInit = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  if (token !== "") headers.set("authorization", `Bearer ${token}`);
  if (options.body !== undefined) headers.set("content-type", "application/json");
  let response: Response;
  try {
    response = await fetch(path, { ...options, headers, cache: "no-store" });
  } catch (error) {
    throw options.signal?.aborted ? error : Problem.unreachable();
  }
  if (!response.ok) throw await refused(response);
  return response;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await send(path, signal ? { signal } : {})).json()) as T;
}

export async function post<T>(path: string, body: unknown, method = "POST", signal?: AbortSignal): Promise<T> {
  return (await (await send(path, { method, body: JSON.stringify(body), ...(signal ? { signal } : {}) })).json()) as T;
}

/** The pieces of a streamed answer. */
export async function* pieces(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const response = await send(path, { signal });
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

/** The data of each server-sent event. */
export async function* events<T>(path: string, signal: AbortSignal): AsyncGenerator<T> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of pieces(path, signal)) {
    rest += decoder.decode(piece, { stream: true });
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const data = block.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n");
      if (data !== "") yield JSON.parse(data) as T;
    }
  }
}

/** A part of a path that cannot break out of it. */
export const part = encodeURIComponent;

const ROLES: readonly string[] = ["read", "submit", "operate", "admin"];

/** Whether a role may do what needs another. */
export function includes(role: string, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

// What the interface answers, as far as the page reads it.

export interface Reason {
  code: string;
  short_by?: number;
  short_unit?: "cores" | "bytes";
  nearest_node?: string;
  behind?: string;
  since: string;
  detail: string;
}

export interface QueuedJob {
  id: string;
  name: string;
  priority: number;
  submitted_at: string;
  waiting_tasks: number;
  gang: boolean;
  task: string;
  cores: number;
  memory_bytes: number;
  reason: Reason;
  promised_at?: string;
}

export interface Queue {
  policy: string;
  order: string;
  waiting_jobs: number;
  waiting_tasks: number;
  jobs: QueuedJob[];
}

export interface JobSummary {
  id: string;
  name: string;
  tenant: string | null;
  state: string;
  submitted_at: string;
  started_at: string | null;
  ended_at: string | null;
  priority: number;
  labels: Record<string, string>;
  tasks: { total: number; by_state: Record<string, number> };
}

export interface Attempt {
  attempt: number;
  state: string;
  node: string | null;
  started_at: string | null;
  ended_at: string;
  reason: string | null;
  exit_code?: number;
}

export interface Instance {
  index: number;
  state: string;
  since: string;
  attempt: number;
  node?: string;
  placement?: { node: string; cpuset: string; memory_bytes: number; number: number };
  reason?: Reason;
  waiting_for?: string[];
  started_at?: string;
  ended_at?: string;
  cause?: string;
  exit_code?: number;
  move?: { from: string; to: string; phase: string; bytes?: number; downtime_ms?: number };
  checkpoint?: { node: string; made: string; bytes: number; elapsed_ms: number; downtime_ms?: number };
  history?: Attempt[];
}

/** What the node of an instance fetches for it just now. */
export interface Progress {
  fetch?: { node: string; what: "image" | "checkpoint"; bytes: number; total_bytes: number };
}

export interface Task extends Instance {
  cores: number;
  memory_bytes: number;
  count: number;
  depends_on?: string[];
  instances?: Instance[];
}

export interface Job extends Omit<JobSummary, "tasks"> {
  reason: string | null;
  tasks: Record<string, Task>;
}

export interface NodeDetail {
  id: string;
  name: string;
  state: string;
  since: string;
  cordoned: boolean;
  suspect: boolean;
  schedulable: boolean;
  labels: Record<string, string>;
  capacity: { cores: number; memory_bytes: number };
  allocated: { cores: number; memory_bytes: number };
  cpuset: string;
  tasks: { job: string; task: string | null; index: number; attempt: number; cpuset: string }[];
}

export interface EventBody {
  id: string;
  seq: number;
  time: string;
  type: string;
  job: string | null;
  task: string | null;
  index: number | null;
  node: string | null;
  attempt: number | null;
  from: string | null;
  to: string | null;
  reason: string | null;
  data: Record<string, unknown>;
}

export interface History {
  samples: {
    time: string;
    cores: number;
    held_cores: number;
    waiting_tasks: number;
    placed: number;
    wait_median_s?: number;
    wait_p95_s?: number;
  }[];
  marks: { time: string; kind: "policy" | "node"; text: string }[];
}

export interface Forecast {
  policy: string;
  partial: boolean;
  journal_hash: string;
  completed: number;
  failed: number;
  wait_mean_s: number;
  wait_p95_s: number;
  makespan_s: number;
  utilisation: number;
}

export interface WhatIf {
  state_hash: string;
  present: Forecast;
  proposed: Forecast;
}
