#!/usr/bin/env node
import { keepCompiled } from "./compile-cache.ts";

keepCompiled(process.env);
import("./main.ts").then(({ main }) => main(process.argv[1] ?? ""));
