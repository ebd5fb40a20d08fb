/** The connection to a live system: it reads the cells, notices when nothing comes, and comes back by itself. */

import type { History, Role } from "./api";
import { Problem, get, pieces } from "./api";
import { Cluster } from "./cluster";
import { Series } from "./series";
import { Cutter } from "./wire";

export type Standing =
  | { kind: "connecting" }
  | { kind: "live" }
  | { kind: "locked"; problem: Problem }
  | { kind: "lost"; problem: Problem; since: number };

/** Two keep-alives and some more: then the connection is taken for dead. */
const SILENCE_MS = 4_000;
const AGAIN_MS = 1_000;
/** Half an hour of seconds, or the two hours that the server keeps, before samples are merged. */
const MOST_SAMPLES = 1_800;
const MOST_MARKS = 200;

export class Live {
  readonly cluster = new Cluster();
  readonly series = new Series(MOST_SAMPLES, 1_000);
  standing: Standing = { kind: "connecting" };
  role: Role | null = null;
  /** What the stream has cost so far: the bytes of its frames unpacked, and the frames. */
  received = { bytes: 0, frames: 0 };
  private readonly listeners = new Set<() => void>();
  private abort = new AbortController();

  /** Tells `listener` of every frame and of every change of the connection, until it is called off. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Connects, and connects again, for as long as the page is open. */
  async run(): Promise<never> {
    for (;;) {
      this.abort = new AbortController();
      try {
        this.role = (await get<{ role: Role }>("v1/whoami", this.abort.signal)).role;
        this.catchUp(await get<History>("v1/history", this.abort.signal));
        await this.follow();
        this.lost(Problem.unreachable());
      } catch (error) {
        this.lost(error instanceof Problem ? error : Problem.unreachable());
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }

  /** Connects anew, as with another token. */
  again(): void {
    this.series.clear();
    this.cluster.marks = [];
    this.standing = { kind: "connecting" };
    this.tell();
    this.abort.abort();
  }

  /** What was before the page was opened, or while it was away. */
  private catchUp(history: History): void {
    this.series.catchUp(
      history.samples.map((sample) => ({
        time: Date.parse(sample.time),
        cores: sample.cores,
        used: sample.held_cores,
        waiting: sample.waiting_tasks,
        placed: sample.placed,
        p50: sample.wait_median_s ?? null,
        p95: sample.wait_p95_s ?? null,
      })),
    );
    const { marks } = this.cluster;
    const known = marks.at(-1)?.time ?? 0;
    marks.push(...history.marks.map(({ time, kind, text }) => ({ time: Date.parse(time), kind, text })).filter(({ time }) => time > known));
  }

  private async follow(): Promise<void> {
    const cutter = new Cutter();
    let watch = 0;
    const alive = (): void => {
      window.clearTimeout(watch);
      watch = window.setTimeout(() => this.abort.abort(), SILENCE_MS);
    };
    alive();
    try {
      for await (const piece of pieces("v1/cells", this.abort.signal)) {
        alive();
        this.received.bytes += piece.length;
        for (const frame of cutter.take(piece)) {
          this.cluster.apply(frame);
          this.received.frames += 1;
        }
        this.cluster.marks.splice(0, this.cluster.marks.length - MOST_MARKS);
        if (this.cluster.whole) {
          this.standing = { kind: "live" };
          const { time, cores, used, waiting, placed, waits } = this.cluster;
          this.series.take({ time, cores, used, waiting, placed, waits });
          this.cluster.waits = [];
          this.tell();
        }
      }
    } finally {
      window.clearTimeout(watch);
    }
  }

  private lost(problem: Problem): void {
    const since = this.standing.kind === "lost" ? this.standing.since : Date.now();
    const locked = problem.status === 401 || problem.status === 403;
    this.standing = locked ? { kind: "locked", problem } : { kind: "lost", problem, since };
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}
