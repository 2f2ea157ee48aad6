#!/usr/bin/env python3
"""Values of Authentication-Results fields from public test suites (shared/conformance/ar) through sceau results --json. Every
undisputed case must be read as expected; where lenient parsers may go either way, so may we. Skipped (77) without the data."""
import json
import os
import subprocess
import sys

from house import SCEAU, SHARED, skip

CASES = os.path.join(SHARED, "conformance", "ar", "CASES.jsonl")

if not os.path.exists(CASES):
    skip(f"no conformance data at {CASES}")


def read(value):
    done = subprocess.run([SCEAU, "results", "--json", "-"], input=value.encode(), capture_output=True, timeout=60)
    answer = json.loads(done.stdout)
    if ("error" in answer) != (done.returncode == 1) or done.returncode not in (0, 1):
        sys.exit(f"{value!r}: exit {done.returncode} beside {answer}")
    return answer


held = disputed = 0
failures = []
for line in open(CASES, encoding="utf-8"):
    case = json.loads(line)
    answer = read(case["value"])
    refused = "error" in answer
    may_refuse = case["expect"] is None or "lenient" in case
    may_accept = case["expect"] is not None or case.get("lenient_ok", False)
    right = may_refuse if refused else may_accept and (case["expect"] is None or answer == case["expect"])
    if case["disputed"]:
        disputed += 1
        print(f"disputed {case['id']}: {case['value']!r}: {answer}")
    elif right:
        held += 1
    else:
        failures.append(f"{case['id']}: {case['value']!r}\n    wanted {case['expect']}\n    got    {answer}")

for failure in failures:
    print(failure)
print(f"{held} undisputed cases held, {disputed} disputed, {len(failures)} failures")
sys.exit(1 if failures or held == 0 else 0)
