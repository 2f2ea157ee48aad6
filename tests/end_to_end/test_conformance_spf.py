#!/usr/bin/env python3
"""check_host() cases from public test suites (shared/conformance/spf) through sceau spf --json, explanations compared: where a
case wants the receiver's own text (DEFAULT) ours is null. Skipped (77) without the data."""
import concurrent.futures
import json
import os
import subprocess
import sys

from house import SCEAU, SHARED, skip

FOLDER = os.path.join(SHARED, "conformance", "spf")
CASES = os.path.join(FOLDER, "CASES.jsonl")
EXIT = {"temperror": 4, "permerror": 5}

if not os.path.exists(CASES):
    skip(f"no conformance data at {CASES}")


def check(case):
    zone = os.path.join(FOLDER, case["zone"])
    faults = zone.removesuffix(".zone") + ".faults.json"
    command = [SCEAU, "spf", "--json", "--zone", zone, "--ip", case["ip"], "--helo", case["helo"], "--mail-from", case["mailfrom"]]
    if os.path.exists(faults):
        command += ["--faults", faults]
    done = subprocess.run(command, capture_output=True, timeout=120)
    if not done.stdout:
        return {"result": f"exit {done.returncode}", "error": done.stderr.decode()}
    answer = json.loads(done.stdout)
    if done.returncode != EXIT.get(answer["result"], 0):
        answer["error"] = f"exit {done.returncode}"
    return answer


def is_right(case, answer):
    if answer["result"] not in case["expect"] or "error" in answer:
        return False
    if case["explanation"] is None:
        return True
    return answer["explanation"] == (None if case["explanation"] == "DEFAULT" else case["explanation"])


with open(CASES, encoding="utf-8") as file:
    cases = [json.loads(line) for line in file]
held = disputed = explained = 0
failures = []
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    for case, answer in zip(cases, pool.map(check, cases)):
        if case["disputed"]:
            disputed += 1
            print(f"disputed {case['id']}: we say {answer['result']} ({answer.get('code')}, {answer.get('mechanism')}), "
                  f"suites say {' or '.join(case['expect'])}: {case['notes']}")
        elif is_right(case, answer):
            held += 1
            explained += case["explanation"] is not None
        else:
            failures.append(f"{case['id']}: wanted {case['expect']} {case['explanation']!r}, got {answer}")

for failure in failures:
    print(failure)
print(f"{held} undisputed cases held, {explained} of them with their explanation, {disputed} disputed, {len(failures)} failures")
sys.exit(1 if failures or held == 0 else 0)
