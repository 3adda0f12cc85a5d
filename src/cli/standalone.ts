import { main } from "./main.ts";

// The entry of the standalone executable. `argv` names a place inside of it; `argv0` is what the caller wrote, so that
// symbolic links, hard links and copies all count.
main(process.argv0);
