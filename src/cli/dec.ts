#!/usr/bin/env node
import { keepCompiled } from "./compile-cache.ts";

// Short for `enc decrypt`.
keepCompiled(process.env);
import("./main.ts").then(({ main }) => main("dec"));
