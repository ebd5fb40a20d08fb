/** What happened lately and what happens, as far as it is asked for. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import type { EventBody } from "../api";
import { Problem, events, part } from "../api";
import { Empty, Trouble } from "./parts";

const TYPES = ["job.state", "task.state", "task.prepared", "task.checkpoint", "task.resized", "node.state", "node.action", "policy.changed"];
/** What comes seldom enough to be read. */
const SELDOM = ["job.state", "node.state", "node.action", "policy.changed"];
const MOST = 500;
/** Events so far back are looked through. */
export const BACK = 20_000;
/** The list changes at most so often, however much happens. */
const PACE_MS = 300;

/** An event as a sentence. */
export function line(event: EventBody): JSX.Element {
  const what = event.task ? `${event.task} ${event.index ?? ""}` : "";
  const change = event.from && event.to ? `${event.from} → ${event.to}` : String(event.data["action"] ?? event.data["name"] ?? "");
  return (
    <>
      <time dateTime={event.time}>{new Date(event.time).toLocaleTimeString("en-GB")}</time> <code>{event.type}</code>{" "}
      {event.job && <a href={`#/job/${event.job}`}>{event.job}</a>} {what} {event.node && <a href={`#/node/${encodeURIComponent(event.node)}`}>{event.node}</a>} {change}{" "}
      {event.reason && <code>{event.reason}</code>}
    </>
  );
}

export function EventsView({ latest }: { latest: number }): JSX.Element {
  const [types, setTypes] = useState<string[]>(SELDOM);
  const [job, setJob] = useState("");
  const [node, setNode] = useState("");
  const [list, setList] = useState<EventBody[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const seen = useRef<EventBody[]>([]);
  const begin = useRef(Math.max(0, latest - BACK));
  const asked = /^j\d+$/.test(job);
  const query = `v1/events?type=${types.join(",")}${asked ? `&job=${job}` : ""}${node && `&node=${part(node)}`}`;
  useEffect(() => {
    const abort = new AbortController();
    seen.current = [];
    setList([]);
    setProblem(null);
    if (types.length === 0) return undefined;
    const follow = async (): Promise<void> => {
      let since: number | null = begin.current;
      while (!abort.signal.aborted) {
        try {
          for await (const event of events<EventBody>(query + (since === null ? "" : `&since=${since}`), abort.signal)) {
            since = event.seq;
            seen.current.unshift(event);
            if (seen.current.length > MOST) seen.current.length = MOST;
            setProblem(null);
          }
        } catch (error) {
          if (abort.signal.aborted) return;
          setProblem(error instanceof Problem ? error : Problem.unreachable());
          // A number that is gone, or one of before a new beginning: from now on, then.
          if (error instanceof Problem && error.status >= 400 && error.status < 500) [since, seen.current] = [null, []];
        }
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    };
    void follow();
    const timer = window.setInterval(() => setList([...seen.current]), PACE_MS);
    return () => {
      abort.abort();
      window.clearInterval(timer);
    };
  }, [query, types.length]);
  const toggle = (type: string): void => setTypes(types.includes(type) ? types.filter((known) => known !== type) : [...types, type]);
  return (
    <section aria-labelledby="events-name">
      <h2 id="events-name">Events</h2>
      <fieldset class="row tools">
        <legend>Show</legend>
        {TYPES.map((type) => (
          <label key={type}>
            <input type="checkbox" checked={types.includes(type)} onChange={() => toggle(type)} /> {type}
          </label>
        ))}
        <label>
          Job <input size={6} placeholder="j12" value={job} onInput={(event) => setJob(event.currentTarget.value.trim())} />
        </label>
        <label>
          Node <input size={10} value={node} onChange={(event) => setNode(event.currentTarget.value.trim())} />
        </label>
      </fieldset>
      {problem && <Trouble problem={problem} />}
      {list.length === 0 ? (
        <Empty>
          <strong>Nothing yet.</strong> {types.length === 0 ? "Choose what to show." : "Events appear here as they happen."}
        </Empty>
      ) : (
        <ol class="plain events" aria-label="Events, latest first">
          {list.map((event) => (
            <li key={event.seq}>{line(event)}</li>
          ))}
        </ol>
      )}
    </section>
  );
}
