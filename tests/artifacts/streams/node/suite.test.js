// The public suite, against the server that conformance.py started.
import { runConformanceTests } from "@durable-streams/server-conformance-tests";

runConformanceTests({ baseUrl: process.env.STREAMS_ORIGIN, longPollTimeoutMs: 2000 });
