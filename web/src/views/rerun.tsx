/** Finished runs: one, or two locked in time, with play, pause, speed and a slider over all of it. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { Problem, get, pieces } from "../api";
import { count, plural, share, span } from "../quantity";
import { Rerun, clock, fitting } from "../rerun";
import { Cutter } from "../wire";
import type { Frame } from "../wire";
import { CoreMap } from "./map";
import { Empty, Loading, Trouble } from "./parts";
import { TimeView } from "./time";
import { Colours } from "./colours";

interface Listed {
  title: string;
  summary: { policy: string; wait_s: { mean: number; p95: number }; makespan_s: number; jobs: { completed: number; submitted: number }; utilisation: { cores_mean: number } };
}

async function load(listed: Listed, number: number, signal: AbortSignal): Promise<Rerun> {
  const cutter = new Cutter();
  const frames: Frame[] = [];
  for await (const piece of pieces(`v1/runs/${number}/cells`, signal)) frames.push(...cutter.take(piece));
  return new Rerun(listed.title, listed.summary.policy, frames);
}

export function RerunApp(): JSX.Element {
  const [listed, setListed] = useState<Listed[]>([]);
  const [runs, setRuns] = useState<Rerun[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    const read = async (): Promise<void> => {
      try {
        const found = await get<Listed[]>("v1/runs", abort.signal);
        setListed(found);
        setRuns(await Promise.all(found.map((one, number) => load(one, number, abort.signal))));
      } catch (error) {
        if (!abort.signal.aborted) setProblem(error instanceof Problem ? error : Problem.unreachable());
      }
    };
    void read();
    return () => abort.abort();
  }, []);
  return (
    <>
      <header>
        <h1>Wharfinger</h1>
        <span class="figures">{listed.length > 1 ? "two finished runs, locked in time" : "a finished run"}</span>
        <Colours />
      </header>
      <main>
        {problem && <Trouble problem={problem} />}
        {!runs && !problem && <Loading />}
        {runs && <Player runs={runs} listed={listed} />}
      </main>
    </>
  );
}

function Player({ runs, listed }: { runs: Rerun[]; listed: Listed[] }): JSX.Element {
  const [from, until] = [Math.min(...runs.map((run) => run.from)), Math.max(...runs.map((run) => run.until))];
  const [time, setTime] = useState(from);
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(fitting(until - from));
  const at = useRef(time);
  const seek = (to: number): void => {
    at.current = to;
    for (const run of runs) run.seek(to);
    setTime(to);
  };
  useEffect(() => {
    if (!playing) return undefined;
    const begun = { at: at.current >= until ? from : at.current, clock: performance.now() };
    let picture = 0;
    const step = (now: number): void => {
      const to = clock(begun.at, now - begun.clock, speed, until);
      seek(to);
      if (to >= until) setPlaying(false);
      else picture = requestAnimationFrame(step);
    };
    picture = requestAnimationFrame(step);
    return () => cancelAnimationFrame(picture);
    // A seek while it plays begins the clock anew by `playing`.
  }, [playing, speed]);
  if (until <= from) return <Empty><strong>Nothing happened in this run.</strong> See its report.html.</Empty>;
  const fits = fitting(until - from);
  return (
    <>
      <div class="row tools player">
        <button type="button" class="main" onClick={() => setPlaying(!playing)}>
          {playing ? "Pause" : "Play"}
        </button>
        <label>
          Speed{" "}
          <select value={speed} onChange={(event) => setSpeed(Number(event.currentTarget.value))}>
            {[fits / 10, fits / 2, fits, fits * 2, fits * 10].map((value) => (
              <option key={value} value={value}>
                {value} s a second
              </option>
            ))}
          </select>
        </label>
        <output aria-label="Time of the run">{span(time - from)}</output>
        <input
          type="range"
          class="slider"
          aria-label="Moment of the run"
          aria-valuetext={span(time - from)}
          min={from}
          max={until}
          step={Math.max(1, (until - from) / 2000)}
          value={time}
          onInput={(event) => {
            setPlaying(false);
            seek(Number(event.currentTarget.value));
          }}
        />
        <span class="figures">of {span(until - from)}</span>
      </div>
      <div class={runs.length > 1 ? "duel" : ""}>
        {runs.map((run, number) => {
          const summary = listed[number]?.summary;
          const { cluster } = run;
          return (
            <article key={`${run.title} ${number}`} aria-label={run.title}>
              <h2>
                {run.title} <small>policy {cluster.policy}</small>
              </h2>
              <p class="figures">
                now <b>{share(cluster.cores > 0 ? cluster.used / cluster.cores : 0)}</b> of {plural(cluster.cores, "core")} held, <b>{count(cluster.waiting)}</b> waiting, <b>{count(cluster.placed)}</b> placed
              </p>
              {summary && (
                <p class="figures">
                  in the end {count(summary.jobs.completed)} of {plural(summary.jobs.submitted, "job")} completed, mean wait {span(summary.wait_s.mean * 1000)}, 95 of 100 within {span(summary.wait_s.p95 * 1000)}, makespan {span(summary.makespan_s * 1000)}, {share(summary.utilisation.cores_mean)} held on average
                </p>
              )}
              <CoreMap source={run} name={`Core map of ${run.title}`} compact={runs.length > 1} />
              <TimeView samples={run.samples} marks={run.marks} cursor={time} title={`${run.title} over time`} />
            </article>
          );
        })}
      </div>
    </>
  );
}
