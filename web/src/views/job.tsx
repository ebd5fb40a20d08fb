/** One job: its times, its tasks and what they wait for, attempts, placements, outputs, and what can be done with it. */

import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Instance, Job, Progress, Role } from "../api";
import { Problem, get, includes, part, pieces, post } from "../api";
import { columns } from "../graph";
import { memory, plural, span } from "../quantity";
import type { Deed } from "./parts";
import { Deeds, Loading, State, Trouble, When, useAsked } from "./parts";

const time = (at: string | null | undefined): number | null => (at ? Date.parse(at) : null);

/** Waiting, execution and total, as far as they are known. */
export function times(job: Pick<Job, "submitted_at" | "started_at" | "ended_at">, now: number): { waiting: string; execution: string; total: string } {
  const [submitted, started, ended] = [Date.parse(job.submitted_at), time(job.started_at), time(job.ended_at)];
  const until = ended ?? now;
  return {
    waiting: span((started ?? until) - submitted) + (started === null && ended === null ? " so far" : ""),
    execution: started === null ? "not begun" : span(until - started) + (ended === null ? " so far" : ""),
    total: span(until - submitted) + (ended === null ? " so far" : ""),
  };
}

export function JobView({ id, role, now }: { id: string; role: Role; now: number }): JSX.Element {
  const { value: job, problem, again } = useAsked((signal) => get<Job>(`v1/jobs/${part(id)}`, signal), id, 1000);
  if (!job) return problem ? <Trouble problem={problem} /> : <Loading />;
  const { waiting, execution, total } = times(job, now);
  return (
    <section aria-labelledby="job-name">
      <h2 id="job-name">
        Job {job.name} <small>{job.id}</small> <State of={job.state} />
      </h2>
      {problem && <Trouble problem={problem} />}
      <dl class="facts">
        <div>
          <dt>Waiting</dt>
          <dd>{waiting}</dd>
        </div>
        <div>
          <dt>Execution</dt>
          <dd>{execution}</dd>
        </div>
        <div>
          <dt>Total</dt>
          <dd>{total}</dd>
        </div>
        <div>
          <dt>Submitted</dt>
          <dd>
            <When at={job.submitted_at} now={now} />
          </dd>
        </div>
        <div>
          <dt>Priority</dt>
          <dd>{job.priority}</dd>
        </div>
        {job.reason && (
          <div>
            <dt>Reason</dt>
            <dd>
              <code>{job.reason}</code>
            </dd>
          </div>
        )}
        {Object.entries(job.labels).map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Deeds deeds={jobDeeds(job, role)} done={again} />
      <Graph job={job} />
      <Tasks job={job} role={role} now={now} again={again} />
    </section>
  );
}

function jobDeeds(job: Job, role: Role): Deed[] {
  if (!includes(role, "submit")) return [];
  const act = (action: string) => () => post(`v1/jobs/${part(job.id)}/actions`, { action });
  const over = ["succeeded", "failed", "stopped"].includes(job.state);
  if (!over) {
    const running = Object.values(job.tasks).filter((task) => ["running", "scheduled", "migrating"].includes(task.state)).length;
    return [{ name: "Stop", will: `${plural(running, "task")} that hold cores get SIGTERM and, after their grace, SIGKILL; what waits never runs. It can be retried afterwards, from the beginning.`, run: act("stop") }];
  }
  if (job.state === "succeeded") return [];
  const deeds: Deed[] = [{ name: "Retry", will: "Every task that did not succeed is queued again as a new attempt; what has succeeded stays so.", run: act("retry") }];
  if (Object.values(job.tasks).some((task) => [task, ...(task.instances ?? [])].some((it) => it.checkpoint))) {
    deeds.push({ name: "Restore", will: "The same as Retry, but a task that has a checkpoint goes on from there, with what it had in memory then.", run: act("restore") });
  }
  return deeds;
}

/** The tasks as boxes, with lines to what they wait for. */
function Graph({ job }: { job: Job }): JSX.Element | null {
  const names = Object.keys(job.tasks);
  const depends = new Map(names.map((name) => [name, job.tasks[name]?.depends_on ?? []]));
  if (![...depends.values()].some((before) => before.length > 0)) return null;
  const placed = columns(depends);
  const [width, height] = [170, 46];
  const at = new Map(placed.map((one) => [one.name, { x: one.column * (width + 40), y: one.row * (height + 12) }]));
  const right = Math.max(...placed.map((one) => one.column)) * (width + 40) + width;
  const bottom = Math.max(...placed.map((one) => one.row)) * (height + 12) + height;
  const lines = placed.flatMap(({ name }) => (depends.get(name) ?? []).map((before) => ({ name, before, from: at.get(before), to: at.get(name) })));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Dependencies">
      <svg class="graph" width={right + 4} height={bottom + 4} viewBox={`-2 -2 ${right + 4} ${bottom + 4}`} role="img" aria-label={lines.map(({ name, before }) => `${name} waits for ${before}`).join("; ")}>
        {lines.map(({ name, before, from, to }) =>
          from && to ? <path key={`${before} ${name}`} d={`M${from.x + width} ${from.y + height / 2}C${from.x + width + 20} ${from.y + height / 2} ${to.x - 20} ${to.y + height / 2} ${to.x} ${to.y + height / 2}`} /> : null,
        )}
        {placed.map(({ name }) => {
          const { x, y } = at.get(name) ?? { x: 0, y: 0 };
          const task = job.tasks[name];
          return (
            <g key={name}>
              <rect x={x} y={y} width={width} height={height} rx="4" class={`state-${task?.state ?? ""}`} />
              <text x={x + 8} y={y + 18}>{name.length > 20 ? `${name.slice(0, 19)}…` : name}</text>
              <text x={x + 8} y={y + 36} class="small">
                {task?.state} {task && task.count > 1 ? `(${task.count})` : ""}
              </text>
            </g>
          );
        })}
      </svg>
    </div>
  );
}

interface Row {
  task: string;
  cores: number;
  memory: number;
  it: Instance;
}

const MOST_ROWS = 200;
/** Of more, only the open row asks its node how far it is. */
const MOST_FETCHING = 10;

function Tasks({ job, role, now, again }: { job: Job; role: Role; now: number; again: () => void }): JSX.Element {
  const [open, setOpen] = useState("");
  const rows: Row[] = Object.entries(job.tasks).flatMap(([task, of]) => (of.instances?.length ? of.instances : [of]).map((it) => ({ task, cores: of.cores, memory: of.memory_bytes, it })));
  return (
    <>
      <h3>Tasks</h3>
      {rows.length > MOST_ROWS && <p>The first {MOST_ROWS} of {plural(rows.length, "instance")} are shown.</p>}
      <div class="scroll" tabIndex={0} role="region" aria-label="Tasks">
        <table>
          <thead>
            <tr>
              <th scope="col">Task</th>
              <th scope="col">State</th>
              <th scope="col">Since</th>
              <th scope="col">Place</th>
              <th scope="col">Waits for</th>
              <th scope="col">Attempts</th>
              <th scope="col">More</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, MOST_ROWS).map((row) => {
              const name = `${row.task} ${row.it.index}`;
              return [
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>
                    <State of={row.it.state} /> {row.it.cause && <code>{row.it.cause}</code>} {row.it.exit_code !== undefined && `exit code ${row.it.exit_code}`}
                  </td>
                  <td>
                    <When at={row.it.since} now={now} />
                  </td>
                  <td>
                    {row.it.placement ? (
                      <>
                        <a href={`#/node/${encodeURIComponent(row.it.placement.node)}`}>{row.it.placement.node}</a> cores {row.it.placement.cpuset}, {memory(row.it.placement.memory_bytes)}
                      </>
                    ) : row.it.node ? (
                      <>
                        was on <a href={`#/node/${encodeURIComponent(row.it.node)}`}>{row.it.node}</a>
                      </>
                    ) : (
                      `${plural(row.cores, "core")}, ${memory(row.memory)} wanted`
                    )}
                    {row.it.move && ` (${row.it.move.from} → ${row.it.move.to}: ${row.it.move.phase}${row.it.move.downtime_ms === undefined ? "" : `, stood still at most ${span(row.it.move.downtime_ms)}`})`}
                    {(row.it.state === "scheduled" || row.it.state === "migrating") && (rows.length <= MOST_FETCHING || open === name) && <Fetching job={job.id} row={row} />}
                  </td>
                  <td>{row.it.reason ? `${row.it.reason.code}: ${row.it.reason.detail}` : (row.it.waiting_for?.join(", ") ?? "–")}</td>
                  <td>{row.it.attempt}</td>
                  <td>
                    <button type="button" aria-expanded={open === name} onClick={() => setOpen(open === name ? "" : name)}>
                      {open === name ? "Less" : "Output, history"}
                    </button>
                  </td>
                </tr>,
                open === name && (
                  <tr key={`${name} more`}>
                    <td colSpan={7}>
                      <Deeds deeds={taskDeeds(job, row, role)} done={again} />
                      <Checkpoint it={row.it} now={now} />
                      <History it={row.it} now={now} />
                      <Output job={job.id} task={row.task} index={row.it.index} attempt={row.it.attempt} />
                    </td>
                  </tr>
                ),
              ];
            })}
          </tbody>
        </table>
      </div>
    </>
  );
}

function taskDeeds(job: Job, { task, it }: Row, role: Role): Deed[] {
  if (!includes(role, "operate")) return [];
  const act = (action: string) => () => post(`v1/jobs/${part(job.id)}/tasks/${part(task)}/actions`, { action, index: it.index });
  const deeds: Deed[] = [];
  if (!["succeeded", "failed", "stopped", "skipped"].includes(it.state)) {
    deeds.push({ name: "Stop the task", will: `This one instance is stopped: SIGTERM, and SIGKILL after its grace. What waits for it never runs.`, run: act("stop") });
  }
  if (it.state === "running") {
    deeds.push({ name: "Migrate", will: "The policy chooses another node; the task stands still while its state is carried over. If that fails it goes on where it is. An engine that cannot move state refuses, and nothing changes.", run: act("migrate") });
    deeds.push({ name: "Checkpoint", will: "The task stands still while its memory and files are saved on its node, and goes on. When the job has ended badly or was stopped, Restore begins from there. An engine that cannot save state refuses, and nothing changes.", run: act("checkpoint") });
  }
  return deeds;
}

/** What is fetched for a task that has yet to run, or to run again. */
function Fetching({ job, row }: { job: string; row: Row }): JSX.Element | null {
  const path = `v1/jobs/${part(job)}/tasks/${part(row.task)}/progress?index=${row.it.index}`;
  const { value } = useAsked((signal) => get<Progress>(path, signal), path, 1000);
  if (!value?.fetch) return null;
  const { node, what, bytes, total_bytes } = value.fetch;
  const name = `${what} of ${row.task} ${row.it.index}`;
  return (
    <div>
      <progress max={total_bytes} value={bytes} aria-label={name} /> {node} has {memory(bytes)} of {memory(total_bytes)} of the {what}
    </div>
  );
}

function Checkpoint({ it, now }: { it: Instance; now: number }): JSX.Element | null {
  if (!it.checkpoint) return null;
  const { node, made, bytes, elapsed_ms, downtime_ms } = it.checkpoint;
  return (
    <p>
      Checkpoint of {memory(bytes)} on <a href={`#/node/${encodeURIComponent(node)}`}>{node}</a>, made <When at={made} now={now} /> after the attempt had run for {span(elapsed_ms)}
      {downtime_ms !== undefined && `; the task stood still at most ${span(downtime_ms)}`}.
    </p>
  );
}

function History({ it, now }: { it: Instance; now: number }): JSX.Element | null {
  if (!it.history?.length) return null;
  return (
    <ul class="plain">
      {it.history.map((past) => (
        <li key={`${past.attempt} ${past.ended_at}`}>
          Attempt {past.attempt} <State of={past.state} /> on {past.node ?? "no node"}, ended <When at={past.ended_at} now={now} /> {past.reason && <code>{past.reason}</code>}
          {past.exit_code !== undefined && ` exit code ${past.exit_code}`}
        </li>
      ))}
    </ul>
  );
}

const MOST_OUTPUT = 200_000;

/** What the task writes, as it writes it. */
function Output({ job, task, index, attempt }: { job: string; task: string; index: number; attempt: number }): JSX.Element {
  const [stream, setStream] = useState("stdout");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [over, setOver] = useState(false);
  const text = useRef<HTMLPreElement>(null);
  const path = useMemo(() => `v1/jobs/${part(job)}/tasks/${part(task)}/logs?follow=true&stream=${stream}&index=${index}`, [job, task, stream, index]);
  useEffect(() => {
    const abort = new AbortController();
    const decoder = new TextDecoder();
    const read = async (): Promise<void> => {
      if (text.current) text.current.textContent = "";
      setProblem(null);
      setOver(false);
      try {
        for await (const piece of pieces(path, abort.signal)) {
          if (!text.current) return;
          text.current.append(decoder.decode(piece, { stream: true }));
          if ((text.current.textContent.length) > MOST_OUTPUT) text.current.textContent = text.current.textContent.slice(-MOST_OUTPUT);
          text.current.scrollTop = text.current.scrollHeight;
        }
        setOver(true);
      } catch (error) {
        if (!abort.signal.aborted) setProblem(error instanceof Problem ? error : Problem.unreachable());
      }
    };
    void read();
    return () => abort.abort();
  }, [path, attempt]);
  return (
    <div>
      <label>
        Output{" "}
        <select value={stream} onChange={(event) => setStream(event.currentTarget.value)}>
          <option>stdout</option>
          <option>stderr</option>
        </select>
      </label>{" "}
      <small role="status">{problem ? "" : over ? "ended" : "followed"}</small>
      {problem && <Trouble problem={problem} />}
      <pre ref={text} class="output" tabIndex={0} aria-label={`${stream} of ${task} ${index}`} />
    </div>
  );
}
