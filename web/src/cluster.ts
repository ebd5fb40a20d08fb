/** What the page knows of the cluster: nodes, and which task holds which of their cores. Frames change it; nothing else does. */

import type { Frame, Held, JobLabel, NodeCells } from "./wire";
import { NODE_STATES, TASK_STATES } from "./wire";

export type NodeState = (typeof NODE_STATES)[number];
export type TaskState = (typeof TASK_STATES)[number];

/** A task instance that holds cores. */
export interface Run {
  node: number;
  job: number;
  instance: number;
  state: TaskState;
  cores: number[];
  since: number;
  started: number | null;
  /** When it should end, if anybody said so. */
  ends: number | null;
}

/** A job of which something holds cores. */
export interface Job {
  job: number;
  name: string;
  class: string;
  priority: number;
  submitted: number;
  tasks: readonly (readonly [string, number])[];
  /** How many of its instances hold cores. */
  runs: number;
}

/** A node with its cores. */
export interface Node {
  node: number;
  name: string;
  state: NodeState;
  since: number;
  cordoned: boolean;
  suspect: boolean;
  /** The ids of its cores, in order. */
  cores: number[];
  /** What holds each of them, by its place in `cores`. */
  holders: (Run | null)[];
  used: number;
  numa: number[][];
  cache: number[][];
  memoryBytes: number;
  labels: readonly (readonly [string, string])[];
  runs: Map<string, Run>;
}

/** A moment that one can come back to. Runs are never changed once they are there, so moments share them. */
export interface Kept {
  time: number;
  policy: string;
  waiting: number;
  placed: number;
  nodes: { node: Node; runs: [string, Run][] }[];
  jobs: Job[];
}

/** Something that is marked in the charts. */
export interface Mark {
  time: number;
  kind: "policy" | "node";
  text: string;
}

const key = (job: number, instance: number): string => `${job}/${instance}`;
const spread = (runs: readonly (readonly [number, number])[]): number[] =>
  runs.flatMap(([first, count]) => Array.from({ length: count }, (_, offset) => first + offset));

export class Cluster {
  readonly nodes = new Map<number, Node>();
  readonly jobs = new Map<number, Job>();
  time = 0;
  seq = 0;
  policy = "";
  waiting = 0;
  placed = 0;
  whole = false;
  cores = 0;
  used = 0;
  /** Nodes whose picture is out of date; whoever draws empties it. */
  readonly dirty = new Set<number>();
  /** Nodes have come or gone: every place on the map may be another. */
  reordered = true;
  /** Waits of tasks that began since somebody last looked, in seconds. */
  waits: number[] = [];
  marks: Mark[] = [];

  apply(frame: Frame): void {
    if (frame.anew) this.forget();
    if (this.whole && this.policy !== "" && frame.policy !== this.policy) {
      this.marks.push({ time: frame.time, kind: "policy", text: `policy ${frame.policy}` });
    }
    this.time = frame.time;
    this.seq = frame.seq;
    this.policy = frame.policy;
    this.waiting = frame.waiting;
    this.placed = frame.placed;
    for (const node of frame.nodes) this.take(node, frame.time);
    for (const job of frame.jobs) this.label(job, frame.time);
    for (const freed of frame.freed) this.free(freed.node, freed.job, freed.instance);
    for (const held of frame.held) this.hold(held, frame.time);
    if (frame.whole) this.whole = true;
  }

  /** This moment, for `back`. */
  keep(): Kept {
    const { time, policy, waiting, placed } = this;
    const nodes = [...this.nodes.values()].map((node) => ({ node: { ...node, holders: [], runs: new Map<string, Run>() }, runs: [...node.runs] }));
    return { time, policy, waiting, placed, nodes, jobs: [...this.jobs.values()].map((job) => ({ ...job })) };
  }

  /** Everything is as it was then. */
  back({ time, policy, waiting, placed, nodes, jobs }: Kept): void {
    this.forget();
    Object.assign(this, { time, policy, waiting, placed, whole: true });
    for (const { node, runs } of nodes) {
      const here = { ...node, runs: new Map(runs) };
      this.nodes.set(here.node, here);
      this.recount(here);
    }
    for (const job of jobs) this.jobs.set(job.job, { ...job });
  }

  /** The nodes that have not left, by number. */
  present(): Node[] {
    return [...this.nodes.values()].filter((node) => node.state !== "left").sort((one, other) => one.node - other.node);
  }

  /** The task of an instance, and which instance of it. */
  task(run: Run): { name: string; index: number } {
    let first = 0;
    for (const [name, count] of this.jobs.get(run.job)?.tasks ?? []) {
      if (run.instance < first + count) return { name, index: run.instance - first };
      first += count;
    }
    return { name: "?", index: run.instance };
  }

  private forget(): void {
    this.nodes.clear();
    this.jobs.clear();
    this.dirty.clear();
    this.cores = 0;
    this.used = 0;
    this.whole = false;
    this.reordered = true;
  }

  private take(cells: NodeCells, time: number): void {
    const known = this.nodes.get(cells.node);
    const state = NODE_STATES[cells.state] ?? "left";
    const told: Node = {
      node: cells.node,
      name: cells.name,
      state,
      since: time - cells.forMs,
      cordoned: cells.cordoned,
      suspect: cells.suspect,
      cores: spread(cells.cores),
      holders: [],
      used: 0,
      numa: cells.numa.map(spread),
      cache: cells.cache.map(spread),
      memoryBytes: cells.memoryBytes,
      labels: cells.labels,
      runs: known?.runs ?? new Map<string, Run>(),
    };
    if (known) this.uncount(known);
    const before = known && { ...known };
    // Whoever has a node keeps it: it is the same one, as it is now.
    const node = known ? Object.assign(known, told) : told;
    this.nodes.set(node.node, node);
    this.recount(node);
    if (!before || (before.state === "left") !== (state === "left")) this.reordered = true;
    this.dirty.add(node.node);
    if (this.whole && (before?.state !== state || before.cordoned !== node.cordoned || before.suspect !== node.suspect)) {
      const what = node.suspect ? "suspect" : node.cordoned ? `${state}, cordoned` : state;
      this.marks.push({ time, kind: "node", text: `${node.name} ${what}` });
    }
  }

  private uncount(node: Node): void {
    if (node.state === "left") return;
    this.cores -= node.cores.length;
    this.used -= node.used;
  }

  private recount(node: Node): void {
    node.holders = node.cores.map(() => null);
    for (const run of node.runs.values()) this.place(node, run, run);
    node.used = node.holders.reduce((sum, holder) => sum + (holder ? 1 : 0), 0);
    if (node.state === "left") return;
    this.cores += node.cores.length;
    this.used += node.used;
  }

  private place(node: Node, run: Run, holder: Run | null): void {
    const base = node.cores[0] ?? 0;
    for (const core of run.cores) {
      // Most nodes offer one run of cores; the others are looked up.
      const guess = core - base;
      const at = node.cores[guess] === core ? guess : node.cores.indexOf(core);
      if (at >= 0) node.holders[at] = holder;
    }
  }

  private label(label: JobLabel, time: number): void {
    const runs = this.jobs.get(label.job)?.runs ?? 0;
    const { job, name, priority, tasks } = label;
    this.jobs.set(job, { job, name, class: label.class, priority, submitted: time - label.submittedMs, tasks, runs });
  }

  private hold(held: Held, time: number): void {
    const node = this.nodes.get(held.node);
    if (!node) return;
    const id = key(held.job, held.instance);
    const known = node.runs.get(id);
    const started = held.startedMs === null ? null : time - held.startedMs;
    const run: Run = {
      node: held.node,
      job: held.job,
      instance: held.instance,
      state: TASK_STATES[held.state] ?? "scheduled",
      cores: spread(held.cores),
      since: time - held.forMs,
      started,
      ends: started !== null && held.expectedMs > 0 ? started + held.expectedMs : null,
    };
    const job = this.jobs.get(held.job);
    if (known) {
      this.set(node, known, null);
    } else if (job) {
      job.runs += 1;
    }
    node.runs.set(id, run);
    this.set(node, run, run);
    if (this.whole && started !== null && job && known?.started == null) this.waits.push(Math.max(0, started - job.submitted) / 1000);
  }

  private free(at: number, job: number, instance: number): void {
    const node = this.nodes.get(at);
    const run = node?.runs.get(key(job, instance));
    if (!node || !run) return;
    node.runs.delete(key(job, instance));
    this.set(node, run, null);
    const known = this.jobs.get(job);
    if (known && --known.runs <= 0) this.jobs.delete(job);
  }

  /** Places a run, or takes it away, and counts. */
  private set(node: Node, run: Run, holder: Run | null): void {
    this.place(node, run, holder);
    const change = holder ? run.cores.length : -run.cores.length;
    node.used += change;
    if (node.state !== "left") this.used += change;
    this.dirty.add(node.node);
  }
}
