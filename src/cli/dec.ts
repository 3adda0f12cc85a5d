#!/usr/bin/env node
import { nodeHost, nodeStreams } from "./node-host.ts";
import { run } from "./run.ts";

// `dec` is short for `enc decrypt`. The streams write at once, so nothing is lost by exiting.
run(process.argv.slice(2), nodeHost(), nodeStreams(), "dec").then((status) => process.exit(status));
