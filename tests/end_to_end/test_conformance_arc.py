#!/usr/bin/env python3
"""Public ARC test suites (shared/conformance/arc) through sceau verify --json. Every chain must get an accepted result, the
same for a message handed over whole, octet by octet and cut at 200 random places; every set that we add must be the suite's,
octet for octet but for white space. Skipped (77) without the data."""
import itertools
import json
import os
import subprocess
import sys

from house import SCEAU, SHARED, put, skip

FOLDER = os.path.join(SHARED, "conformance", "arc")
ANY_TIME = 1798761600  # where a case names none

if not os.path.exists(os.path.join(FOLDER, "CASES.jsonl")):
    skip(f"no conformance data in {FOLDER}")


def verify(zone, now, messages, *options):
    """The JSON lines for messages, in their order."""
    command = [SCEAU, "verify", "--json", "--zone", zone, "--now", str(now), *options]
    if "--authserv-id" not in options:
        command += ["--authserv-id", "mx.example.com"]
    done = subprocess.run(command + ["--"] + messages, cwd=FOLDER, capture_output=True, timeout=300)
    lines = done.stdout.decode().splitlines()
    if len(lines) != len(messages):
        sys.exit(f"{zone}: {len(lines)} reports for {len(messages)} messages, exit {done.returncode}: {done.stderr.decode()}")
    return lines


cases = [json.loads(line) for line in open(os.path.join(FOLDER, "CASES.jsonl"), encoding="utf-8")]
group_of = lambda case: (case["zone"], case["now"] or ANY_TIME)
accepted = 0
failures = []
for (zone, now), group in itertools.groupby(sorted(cases, key=group_of), key=group_of):
    group = list(group)
    for case in [case for case in group if os.path.getsize(os.path.join(FOLDER, case["message"])) == 0]:
        done = subprocess.run([SCEAU, "verify", "--json", os.path.join(FOLDER, case["message"])], capture_output=True)
        if done.returncode == 3 and not done.stdout and "none" in case["accept"]:  # no message: nothing to say, nothing claimed
            accepted += 1
        else:
            failures.append(f"{case['id']}: exit {done.returncode}")
        group.remove(case)
    messages = [case["message"] for case in group]
    whole = verify(zone, now, messages)
    for options in (["--cut", "octets"], ["--cut", "random:20260301"]):
        for case, line, other in zip(group, whole, verify(zone, now, messages, *options)):
            if line != other:
                failures.append(f"{case['id']}: {' '.join(options)} gives another report\n    {line}\n    {other}")
    for case, line in zip(group, whole):
        arc = json.loads(line)["arc"]
        if arc["result"] in case["accept"]:
            accepted += 1
        else:
            text = f"{case['id']} ({case['message']}): {arc['result']} {arc['code']}, wanted {case['accept']} ({case['notes']})"
            (print("disputed " + text) if case["disputed"] else failures.append(text))



def without_space(text):
    return "".join(text.split())


sealed = 0
sign_cases = [json.loads(line) for line in open(os.path.join(FOLDER, "SIGN.jsonl"), encoding="utf-8")]
for case in sign_cases:
    with open(os.path.join(FOLDER, case["key"]), "rb") as pem:
        key = put(case["key"], pem.read())
    os.chmod(key, 0o600)
    line = verify(case["zone"], case["timestamp"], [case["message"]], "--authserv-id", case["authserv_id"], "--arc-seal",
                  f"{case['selector']}:{case['domain']}:{key}", "--arc-headers", case["sig_headers"], "--arc-merge", "--arc-plain")[0]
    got = {field.split(":", 1)[0]: field.split(":", 1)[1] for field in json.loads(line)["headers"]}
    wrong = [f"{case['id']}: {name}\n    {got.get(name)}\n    {wanted}"
             for name, wanted in (("ARC-Seal", case["expect"]["seal"]),
                                  ("ARC-Message-Signature", case["expect"]["message_signature"]),
                                  ("ARC-Authentication-Results", case["expect"]["auth_results"]))
             if without_space(got.get(name, "")) != without_space(wanted)]
    failures += wrong
    sealed += not wrong

for failure in failures:
    print(failure)
print(f"{accepted} of {len(cases)} chains accepted, {sealed} of {len(sign_cases)} sets made as wanted, {len(failures)} failures")
sys.exit(1 if failures or accepted == 0 or sealed == 0 else 0)
