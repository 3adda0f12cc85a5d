#!/usr/bin/env node
import { nodeHost, nodeStreams } from "./node-host.ts";
import { run } from "./run.ts";

// Everything has been written by then; connections that are kept open would only delay the end.
run(process.argv.slice(2), nodeHost(), nodeStreams()).then((status) => process.exit(status));
