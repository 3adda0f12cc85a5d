import fc from "fast-check";

// The same examples on every run, so that a change is what makes a test fail. FC_SEED=... tries others.
fc.configureGlobal({ seed: Number(process.env["FC_SEED"] ?? 20_261_124) });
