#!/usr/bin/env bash
# Runs the gate, shows its summary on the job's page, and exits with the verdict's code.
# Environment: CONFIG, OUTPUT; CHECKPOINT, REFERENCE, TRACKING_URI may be empty. GITHUB_OUTPUT and GITHUB_STEP_SUMMARY
# are files of the runner.
set -uo pipefail

finish() {
  echo "exit-code=$1" >>"$GITHUB_OUTPUT"
  exit "$1"
}

# A report that is already there was committed, not measured; it must not be shown as the result of this run.
if [ -e "$OUTPUT" ]; then
  echo "::error title=explain-gate::The output folder exists before the gate has run; remove it from the repository."
  echo "explain-gate: no verdict, the output folder existed before the run." >>"$GITHUB_STEP_SUMMARY"
  finish 4
fi

arguments=(run --config "$CONFIG" --output "$OUTPUT")
if [ -n "${CHECKPOINT:-}" ]; then arguments+=(--checkpoint "$CHECKPOINT"); fi
if [ -n "${REFERENCE:-}" ]; then arguments+=(--reference "$REFERENCE"); fi
if [ -n "${TRACKING_URI:-}" ]; then arguments+=(--tracking-uri "$TRACKING_URI"); fi

code=0
explain-gate "${arguments[@]}" || code=$?

# The gate may have written the job summary itself; it is not written twice.
if [ ! -s "$GITHUB_STEP_SUMMARY" ]; then
  if [ -f "$OUTPUT/summary.md" ]; then
    cat "$OUTPUT/summary.md" >>"$GITHUB_STEP_SUMMARY"
  else
    echo "explain-gate: no verdict (exit code $code), see the log of this step." >>"$GITHUB_STEP_SUMMARY"
  fi
fi

# Exit 0 without a verdict on disk would be a gate that passed when nothing was checked.
if [ "$code" -eq 0 ] && [ ! -f "$OUTPUT/verdict.json" ]; then
  echo "::error title=explain-gate::The gate exited 0 but left no verdict.json."
  code=3
fi
finish "$code"
