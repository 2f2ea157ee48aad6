#!/usr/bin/env python3
"""Every file includes only headers of its own or a lower floor, foreign headers stand in their one file, and no two
modules include each other in a circle (docs/architecture.md, "Floors"). Prints each offence; exit 1 if there is one."""
import os
import re
import sys

ROOT = os.environ.get("SCEAU_SOURCE") or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FLOOR = {"base": 0, "verifier": 1, "rules": 2, "http": 2, "proxy": 3, "cli": 4}
# Foreign header (pattern) -> the files that may include it.
FOREIGN = {
    r"event2/.*": {"base/loop.c"},
    r"confuse\.h": {"base/options.c"},
    r"openssl/.*": {"verifier/digest.c", "verifier/public_key.c", "verifier/sealing_key.c", "proxy/tls.c"},
    r"unbound(-event)?\.h": {"verifier/dns_unbound.c"},
    r"idn2\.h": {"verifier/domain_name.c"},
    r"pcre2\.h": {"rules/pattern.c"},
    r"microhttpd\.h": {"http/server.c"},
    r"zlib\.h": {"http/compress.c"},
    r"sqlite3\.h": {"http/stats_store.c"},
    r"crypt\.h": {"http/password.c"},
    r"immintrin\.h": {"verifier/wsp_squeeze_x86.c"},
}
# Headers of the C library and the kernel's interface, which any file may include.
PLAIN = re.compile(r"^(assert|ctype|dirent|endian|errno|fcntl|getopt|inttypes|limits|malloc|netdb|poll|pthread|sched|signal|stdalign|stdarg|"
                   r"stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|syslog|time|unistd|grp|pwd|math|"
                   r"sys/\w+|netinet/\w+|arpa/inet|linux/\w+)\.h$")

offences = []
graph = {}
for folder in FLOOR:
    for name in sorted(os.listdir(os.path.join(ROOT, folder))) if os.path.isdir(os.path.join(ROOT, folder)) else []:
        if not name.endswith((".c", ".h", ".def")):
            continue
        path = f"{folder}/{name}"
        text = open(os.path.join(ROOT, path), encoding="utf-8").read()
        for kind, header in re.findall(r'^\s*#\s*include\s+(["<])([^">]+)[">]', text, re.M):
            if kind == '"':
                target = header.split("/")[0]
                if not os.path.exists(os.path.join(ROOT, header)):
                    offences.append(f"{path}: \"{header}\" is not a path from the root of the tree")
                elif target not in FLOOR:
                    offences.append(f"{path}: includes {header}, which is no part of the house")
                elif FLOOR[target] > FLOOR[folder] or (FLOOR[target] == FLOOR[folder] and target != folder):
                    offences.append(f"{path} (floor {FLOOR[folder]}): includes {header} (floor {FLOOR[target]})")
                if header.endswith(".h"):
                    graph.setdefault(path[:-2] if not path.endswith(".def") else path, set()).add(header[:-2])
            elif not PLAIN.match(header):
                owners = next((files for pattern, files in FOREIGN.items() if re.fullmatch(pattern, header)), None)
                if owners is None:
                    offences.append(f"{path}: <{header}> is neither the C library's nor listed as a foreign header")
                elif path not in owners:
                    offences.append(f"{path}: <{header}> belongs into {', '.join(sorted(owners))} only")

# A circle: headers and sources of one module are one node.
state = {}


def walk(node, trail):
    if state.get(node) == "done":
        return
    if state.get(node) == "open":
        offences.append("circle: " + " -> ".join(trail[trail.index(node):] + [node]))
        return
    state[node] = "open"
    for target in sorted(graph.get(node, ())):
        if target != node:
            walk(target, trail + [node])
    state[node] = "done"


for node in sorted(graph):
    walk(node, [])

for offence in offences:
    print(offence)
print(f"{len(graph)} modules looked at, {len(offences)} offences")
sys.exit(1 if offences or not graph else 0)
