/** Follows a job by its server-sent events, read with fetch so that the key travels along. */

import { call, send } from "./api.js";

const ENDED = new Set(["done", "failed", "stopped", "cancelled", "lost"]);

/**
 * Follows a job to its end.
 * @param {string} id
 * @param {(progress: {done: number, total: number, what: string}) => void} heard
 * @param {AbortSignal} [signal] stops listening, not the job
 * @returns {Promise<Object>} the job as it ended
 */
export async function follow(id, heard, signal) {
  const answer = await send("GET", `/jobs/${id}/events`, {
    signal,
    headers: { Accept: "text/event-stream" },
  });
  for await (const { event, data } of messagesOf(answer.body)) {
    if (event === "progress") heard(data);
    if (event === "end") return data;
  }
  return outcome(id);
}

/** What a stream of server-sent events says: its events with their data, parsed from JSON. */
export async function* messagesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const message = parse(block);
      if (message) yield message;
    }
  }
}

async function outcome(id) {
  const job = await call("GET", `/jobs/${id}`);
  if (!ENDED.has(job.state)) throw new Error("the stream of events broke off");
  return job;
}

function parse(block) {
  const fields = block.split("\n").map((line) => line.match(/^(event|data): ?(.*)$/));
  const valueOf = (name) =>
    fields
      .filter((field) => field?.[1] === name)
      .map((field) => field[2])
      .join("\n");
  const data = valueOf("data");
  return data ? { event: valueOf("event") || "message", data: JSON.parse(data) } : null;
}
