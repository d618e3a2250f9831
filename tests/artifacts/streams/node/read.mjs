// Reads one stream to its end with the protocol's own client, dropped at random and resumed by the last offset it told.
// node read.mjs URL long-poll|sse  ->  {"text": "...", "drops": N} on stdout
import { stream } from "@durable-streams/client";

const [url, live] = process.argv.slice(2);
let [text, offset, drops, closed] = ["", "-1", 0, false];

while (!closed) {
  const abort = new AbortController();
  const drop = setTimeout(() => abort.abort(), 20 + Math.random() * 400);
  try {
    const answer = await stream({ url, offset, live, signal: abort.signal });
    await new Promise((resolve, reject) => {
      abort.signal.addEventListener("abort", () => reject(abort.signal.reason));
      answer.closed.then(resolve, reject);
      answer.subscribeText(async (chunk) => {
        if (abort.signal.aborted) return;
        text += chunk.text;
        offset = chunk.offset;
      });
    });
    abort.abort(); // `closed` may come before the last chunk does: the rest is asked for
    const rest = await stream({ url, offset, live: false });
    text += await rest.text();
    offset = rest.offset;
    closed = rest.streamClosed;
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    drops += 1;
  } finally {
    clearTimeout(drop);
  }
}
process.stdout.write(JSON.stringify({ text, drops }));
