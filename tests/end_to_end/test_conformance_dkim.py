#!/usr/bin/env python3
"""Public DKIM test suites (shared/conformance/dkim) through sceau verify --json. Every undisputed case must give an accepted
result for each of its signatures; disputed ones are printed with what we say. Each message is verified three times, handed
over whole, octet by octet and cut at 200 random places: the JSON must be the same. The suites let signatures pass whose l=
leaves octets unsigned; by default we do not (R-17), so these are verified once more with --pass-unsigned, and named.
Skipped (77) without the data."""
import itertools
import json
import os
import subprocess
import sys

from house import SCEAU, SHARED, skip

FOLDER = os.path.join(SHARED, "conformance", "dkim")
ANY_TIME = 1798761600  # where a case names none
VERIFIED_MAX = 8       # signatures verified; further ones are "policy" with code "limit"

if not os.path.exists(os.path.join(FOLDER, "CASES.jsonl")):
    skip(f"no conformance data in {FOLDER}")


def verify(zone, now, messages, *options):
    """The JSON lines for messages, in their order."""
    command = [SCEAU, "verify", "--json", "--authserv-id", "mx.example.com", "--zone", zone, "--now", str(now), *options]
    faults = zone.removesuffix(".zone") + ".faults.json"
    if os.path.exists(os.path.join(FOLDER, faults)):
        command += ["--faults", faults]
    done = subprocess.run(command + ["--"] + messages, cwd=FOLDER, capture_output=True, timeout=300)
    lines = done.stdout.decode().splitlines()
    if len(lines) != len(messages):
        sys.exit(f"{zone}: {len(lines)} reports for {len(messages)} messages, exit {done.returncode}: {done.stderr.decode()}")
    return lines


def mismatches(case, report):
    if len(report["dkim"]) != len(case["expect"]):
        yield f"{len(report['dkim'])} signatures, wanted {len(case['expect'])}"
        return
    over_the_cap = len(case["expect"]) > VERIFIED_MAX
    for number, (got, want) in enumerate(zip(report["dkim"], case["expect"]), 1):
        if over_the_cap and (got["result"], got["code"]) == ("policy", "limit"):
            continue
        if got["result"] not in want["accept"]:
            yield f"signature {number} (d={want['d']}): {got['result']} {got['code']}, wanted {want['accept']} ({want['reason']})"


cases = [json.loads(line) for line in open(os.path.join(FOLDER, "CASES.jsonl"), encoding="utf-8")]
group_of = lambda case: (case["zone"], case["now"] or ANY_TIME)
accepted = disputed = unsigned = 0
failures = []
for (zone, now), group in itertools.groupby(sorted(cases, key=group_of), key=group_of):
    group = list(group)
    messages = [case["message"] for case in group]
    whole = verify(zone, now, messages)
    for options in (["--cut", "octets"], ["--cut", "random:20260301"], ["-j", "3"]):
        for case, line, other in zip(group, whole, verify(zone, now, messages, *options)):
            if line != other:
                failures.append(f"{case['id']}: {' '.join(options)} gives another report\n    {line}\n    {other}")
    for case, line in zip(group, whole):
        report = json.loads(line)
        if any(d["code"] == "body_unsigned_octets" for d in report["dkim"]):
            unsigned += 1
            print(f"{case['id']}: policy body_unsigned_octets, a pass with --pass-unsigned")
            report = json.loads(verify(zone, now, [case["message"]], "--pass-unsigned")[0])
        wrong = list(mismatches(case, report))
        if case["disputed"]:
            disputed += 1
            said = ", ".join(f"{d['result']} {d['code']}" for d in report["dkim"])
            print(f"disputed {case['id']}: we say {said or 'none'}; the suite {[e['accept'] for e in case['expect']]}")
        elif wrong:
            failures += [f"{case['id']} ({case['message']}): {text}" for text in wrong]
        else:
            accepted += 1

for failure in failures:
    print(failure)
print(f"{accepted} of {len(cases) - disputed} undisputed cases accepted, "
      f"{unsigned} of them with --pass-unsigned; {disputed} disputed, {len(failures)} failures")
sys.exit(1 if failures or accepted < len(cases) - disputed else 0)
