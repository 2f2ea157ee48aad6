"""libsceau as another program sees it: installed into an empty folder, found with pkg-config, linked shared and static; the
shared library exports the names of sceau.h and no other."""
import os
import re
import subprocess

import house

house.need("openssl", "pkg-config", "gcc", "nm")
try:
    import dkim  # noqa: F401
except ImportError:
    house.skip("python3-dkim is not installed")

PREFIX = house.path("prefix/x")[:-2]
SANITIZE = ["-fsanitize=" + {"asan": "address,undefined", "tsan": "thread"}[os.path.basename(house.BUILD)]] if house.SLOW > 1 else []


def the_library_installs():
    subprocess.run(["cmake", "--install", house.BUILD, "--prefix", PREFIX], check=True, capture_output=True)


def environment():
    folders = [os.path.join(root) for root, _, files in os.walk(PREFIX) if "libsceau.pc" in files]
    return {**os.environ, "PKG_CONFIG_PATH": folders[0]}


def flags(*options):
    text = subprocess.run(["pkg-config", f"--define-variable=prefix={PREFIX}", *options, "libsceau"], check=True,
                          capture_output=True, text=True, env=environment()).stdout
    return text.split()


def exported_names_are_those_of_the_header():
    library = [os.path.join(root, name) for root, _, files in os.walk(PREFIX) for name in files if name == "libsceau.so"][0]
    symbols = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    exported = {line.split()[2] for line in symbols.splitlines() if line.split()[1] in "TDBR"}
    with open(os.path.join(PREFIX, "include", "sceau.h"), encoding="ascii") as header:
        declared = set(re.findall(r"^SCEAU_API[^;]*?\b(sceau_\w+)\(", header.read(), re.M | re.S))
    assert exported == declared, exported ^ declared


def run_consumer(kind, link):
    pem, record = house.make_key(kind)
    text = house.put(kind + ".eml", house.signed(house.message("d.test"), "d.test", "sel", pem))
    program = house.path(kind)
    source = os.path.join(house.SOURCE, "tests", "library", "consumer.c")
    subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", *SANITIZE, *flags("--cflags"), source, *link, "-o", program], check=True)
    folder = flags("--libs-only-L")[0][2:]
    done = subprocess.run([program, text, record], capture_output=True, text=True, env={**os.environ, "LD_LIBRARY_PATH": folder})
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    lines = done.stdout.splitlines()
    assert lines[0] == "wanted sel._domainkey.d.test", done.stdout
    assert lines[1] == "pass ok d.test 2048 secure header intact body intact", done.stdout
    assert lines[2].startswith("Authentication-Results: mx.here.test;") and "dkim=pass" in done.stdout, done.stdout


def a_program_links_it_shared():
    run_consumer("shared", flags("--libs"))


def a_program_links_it_static():
    libraries = flags("--static", "--libs")
    at = libraries.index("-lsceau")
    run_consumer("static", libraries[:at] + ["-l:libsceau.a"] + libraries[at + 1:])


if __name__ == "__main__":
    house.main(the_library_installs, exported_names_are_those_of_the_header, a_program_links_it_shared, a_program_links_it_static)
