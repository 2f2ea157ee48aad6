#!/usr/bin/env python3
"""DMARC cases from public test suites (shared/conformance/dmarc): given results through sceau dmarc --json, whole messages
with their envelope through sceau verify --json. Result, policy and both alignments are compared, where a case names them; the
disputed ones are printed with what we say. Skipped (77) without the data."""
import json
import os
import re
import subprocess
import sys

from house import SCEAU, SHARED, skip

FOLDER = os.path.join(SHARED, "conformance", "dmarc")
CASES = os.path.join(FOLDER, "CASES.jsonl")
KEYS = ("result", "policy", "dkim_aligned", "spf_aligned")
# Any time will do: the messages are signed without x=.
NOW = "1798761600"
KEPT = {  # held by what dmarc_check keeps of RFC 7489
    "rspamd-dmarc-13": "SPF of the domain right above the author's, which has no record: by RFC 9989 alone it would fail",
}
OURS = {  # why we say what we say where suites or verifiers differ
    "mailauth-rs-dmarc-policy-np": "the author's domain is NXDOMAIN: np= applies (RFC 9989 sections 4.7 and 4.10.1)",
    "mailauth-rs-dmarc-policy-missing-p": "no p=, but rua= with a URI: as if p=none (section 4.10.1)",
    "mailauth-rs-dmarc-psd-n": "psd=n ends the walk: both names have the organizational domain that carries it (section 4.10.2)",
    "rspamd-dmarc-16": "pct= is historic and ignored (appendix A.6): the policy is what the record says",
}

if not os.path.exists(CASES):
    skip(f"no conformance data at {CASES}")


def sceau(case, *arguments):
    zone = os.path.join(FOLDER, case["zone"])
    faults = zone.removesuffix(".zone") + ".faults.json"
    more = ["--faults", faults] if os.path.exists(faults) else []
    done = subprocess.run([SCEAU, arguments[0], "--json", "--zone", zone, *more, *arguments[1:]], capture_output=True, timeout=120)
    if not done.stdout:
        sys.exit(f"{case['id']}: exit {done.returncode}: {done.stderr.decode()}")
    return json.loads(done.stdout)


def from_inputs(case):
    identifiers = [word for dkim in case["dkim"] for word in ("--dkim", f"{dkim['d']}={dkim['result']}")]
    identifiers += [word for spf in case["spf"] for word in ("--spf", f"{spf['domain']}={spf['result']}")]
    return sceau(case, "dmarc", "--header-from", case["header_from"], *identifiers)


def from_message(case):
    """What the Authentication-Results field says of DMARC: it is what every later reader goes by."""
    message = os.path.join(FOLDER, case["message"])
    envelope = ["--ip", case["ip"], "--helo", case["helo"], "--mail-from", case["mailfrom"]]
    report = sceau(case, "verify", "--now", NOW, "--authserv-id", "mx.example.com", *envelope, message)
    said = re.search(r"dmarc=(\w+) \(([^)]*)\)[^;]*", " ".join(report["headers"][0].split()))
    policy = re.search(r"policy\.dmarc=(\w+)", said[0])
    return {"result": said[1], "policy": policy and policy[1], "code": said[2]}


def differences(case, answer):
    """A message's policy is null where its suite does not report one."""
    for key in KEYS:
        if key not in case["expect"] or (key == "policy" and case["mode"] == "message" and case["expect"][key] is None):
            continue
        if answer[key] != case["expect"][key]:
            yield f"{key} {answer[key]}, wanted {case['expect'][key]}"


with open(CASES, encoding="utf-8") as file:
    cases = [json.loads(line) for line in file]
held = disputed = 0
failures = []
for case in cases:
    answer = (from_message if case["mode"] == "message" else from_inputs)(case)
    wrong = list(differences(case, answer))
    if case["disputed"]:
        disputed += 1
        print(f"disputed {case['id']}: we say {answer['result']}, policy {answer['policy']} ({answer['code']}); the suite "
              f"{case['expect']['result']}, {case['expect']['policy']}; {OURS.get(case['id'], case['notes'])}")
    elif wrong:
        failures.append(f"{case['id']} ({case['notes']}): {', '.join(wrong)}; {answer}")
    else:
        held += 1
        if case["id"] in KEPT:
            print(f"{case['id']}: {answer['result']}; {KEPT[case['id']]}")

for failure in failures:
    print(failure)
print(f"{held} of {len(cases) - disputed} undisputed cases held; {disputed} disputed, {len(failures)} failures")
sys.exit(1 if failures or held == 0 else 0)
