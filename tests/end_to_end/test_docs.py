"""What a newcomer and an operator read: every option stands in its manual page and the other way round, the README's
commands run, links and named files exist, the example configuration and the systemd unit are sound, all gets installed."""
import ast
import glob
import os
import re
import shlex
import shutil
import subprocess

import house

DOCUMENTS = sorted(glob.glob(os.path.join(house.SOURCE, "*.md")) + glob.glob(os.path.join(house.SOURCE, "*/*.md")))
PAGES = {"sceau": "docs/man/sceau.1", "sceaud": "docs/man/sceaud.8"}


def read(name):
    with open(os.path.join(house.SOURCE, name), encoding="utf-8") as file:
        return file.read()


def run(argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, cwd=house.SOURCE, **more)


def options_of_help(text):
    """--name and -n in what the indented lines begin with, up to the two blanks before the explanation."""
    starts = [re.split(r"  +", line.strip())[0] for line in text.splitlines() if line.startswith("  ")]
    return set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", "\n".join(starts)))


def options_of_page(text):
    """The options that .It lines of an mdoc page describe: "Fl c Ar file , Fl -config Ar file"."""
    return {"-" + name for line in text.splitlines() if line.startswith(".It Fl") for name in re.findall(r"\bFl (-?\w[\w-]*)", line)}


def each_option_stands_in_its_manual_page():
    helps = {"sceaud": run([house.SCEAUD, "--help"]).stdout,
             "sceau": "".join(run([house.SCEAU, verb, "--help"]).stdout for verb in ("verify", "key", "results", "spf", "dmarc", "rules"))}
    for program, page in PAGES.items():
        told, described = options_of_help(helps[program]), options_of_page(read(page))
        assert len(told) > 3 and told == described, (program, "only in --help:", told - described, "only in the page:", described - told)
        print(f"   {page}: {' '.join(sorted(told))}")


def exit_codes_stand_in_the_manual_page():
    codes = {number for number in re.findall(r"DAEMON_\w+ = (\d+)", read("cli/daemon_exit.h"))}
    status = read(PAGES["sceaud"]).split(".Sh EXIT STATUS")[1].split(".Sh")[0]
    assert codes == set(re.findall(r"^\.It (\d+)$", status, re.M)), codes
    assert codes == set(re.findall(r"\b\d+\b", run([house.SCEAUD, "--help"]).stdout.rsplit("Ends with", 1)[1])), codes
    codes = set(re.findall(r"CLI_\w+ = (\d+)", read("cli/common_options.h")))
    status = read(PAGES["sceau"]).split(".Sh EXIT STATUS")[1].split(".Sh")[0]
    assert codes == set(re.findall(r"^\.It (\d+)$", status, re.M)), codes


def variables_and_signals_stand_in_the_manual_page():
    page, source = read(PAGES["sceaud"]), ""
    for file in glob.glob(os.path.join(house.SOURCE, "cli", "daemon_*.c")) + glob.glob(os.path.join(house.SOURCE, "proxy", "*.c")):
        source += read(file)
    for name in re.findall(r'getenv\("(\w+)"\)', source):
        assert f".It Ev {name}\n" in page, name
    for name in re.findall(r"sigaddset\(&set, (SIG\w+)\)", source):
        assert name in page.split(".Sh SIGNALS")[1].split(".Sh")[0], name


def manual_pages_are_clean():
    checked = False
    for page in PAGES.values():
        if shutil.which("mandoc"):
            done = run(["mandoc", "-T", "lint", "-W", "warning", page])
            assert done.returncode == 0 and done.stdout == "", done.stdout
            checked = True
        if shutil.which("man") and shutil.which("groff"):
            done = run(["man", "--warnings=w", "-P", "cat", "-l", page], env={**os.environ, "LC_ALL": "C.UTF-8"})
            assert done.returncode == 0 and done.stderr == "", done.stderr
            assert "NAME" in done.stdout and "EXIT STATUS" in done.stdout, page
            checked = True
    print("   checked" if checked else "   neither mandoc nor man is installed: not checked")


def the_commands_of_the_readme_run():
    commands = re.findall(r"^    \$ (.*?)(?:\s+#.*)?$", read("README.md"), re.M)
    assert len(commands) >= 5, commands
    for command in commands:
        words = shlex.split(command)
        given = None
        if words[0] == "echo":
            given, words = words[1] + "\n", words[words.index("|") + 1:]
        if words[0] in ("./run", "./check"):
            assert os.access(os.path.join(house.SOURCE, words[0]), os.X_OK), command
            continue
        program = os.path.basename(words[0])
        assert words[0] in ("build/release/sceau", "build/release/sceaud"), command
        operands = [file for word in words[1:] for file in (sorted(glob.glob(word, root_dir=house.SOURCE)) or [word])]
        done = run([os.path.join(house.BUILD, program), *operands], input=given)
        print(f"   {command}   -> {done.returncode}")
        assert done.returncode in (0, 1) and not done.stderr and (done.stdout or "--check" in words), (command, done)


def links_resolve():
    count = 0
    for document in DOCUMENTS:
        with open(document, encoding="utf-8") as file:
            text = file.read()
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"\w+:", target):
                continue
            name, _, anchor = target.partition("#")
            full = os.path.normpath(os.path.join(os.path.dirname(document), name)) if name else document
            assert os.path.exists(full), f"{os.path.relpath(document, house.SOURCE)}: {target} is not there"
            if anchor:
                headings = re.findall(r"^#+ (.*)$", read(full), re.M)
                assert anchor in [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings], (document, target)
            count += 1
    print(f"   {len(DOCUMENTS)} documents, {count} links")


def files_and_modules_that_are_named_exist():
    """verifier/key_cache.c, or the module verifier/key_cache."""
    pattern = re.compile(r"(?<![\w/.-])(?:base|verifier|rules|http|proxy|cli|tests|bench|docs|packaging|cmake)/[\w./-]*[\w/]")
    count = 0
    for document in DOCUMENTS:
        with open(document, encoding="utf-8") as file:
            names = pattern.findall(file.read())
        for name in names:
            full = os.path.join(house.SOURCE, name)
            known = os.path.exists(full) or os.path.exists(full + ".h") or name == "rules/"
            assert known, f"{os.path.relpath(document, house.SOURCE)}: {name} is not there"
        count += len(names)
    print(f"   {count} names")


def the_floors_table_is_that_of_the_test():
    tree = ast.parse(read("tests/floors.py"))
    foreign = next(ast.literal_eval(node.value) for node in tree.body
                   if isinstance(node, ast.Assign) and node.targets[0].id == "FOREIGN")
    rows = {row.split("|")[2].strip().strip("`/"): row for row in read("docs/architecture.md").splitlines() if re.match(r"\| \d ", row)}
    for owners in foreign.values():
        for owner in owners:
            folder, name = owner.split("/")
            if os.path.exists(os.path.join(house.SOURCE, owner)):
                assert f"`{name}`" in rows[folder], f"docs/architecture.md: {owner} is not in the table of floors"


def with_files(block):
    """The block with files of ours in the place of those that it names under /etc/sceau."""
    certificate, key = house.path("mx.pem"), house.path("mx.key")
    if not os.path.exists(key):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                        "-out", certificate, "-subj", "/CN=mx.example.com"], check=True, capture_output=True)
    return re.sub(r"/etc/sceau/(\w+\.)(pem|key)", lambda match: certificate if match[2] == "pem" else key, block)


def the_example_configuration_is_sound():
    done = run([house.SCEAUD, "-c", "packaging/sceau.conf", "--check"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done
    # What is commented out is an example, too.
    lines = re.sub(r"^# ((?:listener|dns|arc|tester|    |\}).*)$", r"\1", read("packaging/sceau.conf"), flags=re.M)
    assert lines.count("listener ") == 3 and all(f"\n{section} {{" in lines for section in ("dns", "arc", "tester"))
    house.make_key("arc1")
    lines = lines.replace("/etc/sceau/arc1.pem", house.path("arc1.pem"))
    done = run([house.SCEAUD, "-c", house.put("sceau.conf", lines), "--check"])
    assert (done.returncode, done.stderr) == (0, ""), done
    for document in DOCUMENTS:
        with open(document, encoding="utf-8") as file:
            text = file.read()
        for block in re.findall(r"^```\n(.*?)^```", text, re.M | re.S) + re.findall(r"(?:^    .*\n|^\n)+", text, re.M):
            if re.search(r'^ *listener "', block, re.M):
                done = run([house.SCEAUD, "-c", house.put("block.conf", with_files(block)), "--check"])
                assert done.returncode == 0, f"{os.path.relpath(document, house.SOURCE)}: {done.stderr}{block}"
                print(f"   {os.path.relpath(document, house.SOURCE)}: {len(block.splitlines())} lines are sound")


def all_of_it_gets_installed():
    prefix = house.path("installed/x")[:-2]
    done = run(["cmake", "--install", house.BUILD, "--prefix", prefix])
    assert done.returncode == 0, done.stderr
    files = [os.path.relpath(os.path.join(folder, name), prefix) for folder, _, names in os.walk(prefix) for name in names]
    for name in ("bin/sceau", "sbin/sceaud", "share/man/man1/sceau.1", "share/man/man5/sceau.rules.5", "share/sceau/rules/dmarc.rules", "share/man/man8/sceaud.8", "lib/systemd/system/sceaud.service", "lib/systemd/system/sceaud.socket",
                 "share/doc/sceau/sceau.conf", "share/doc/sceau/configuration.md", "share/doc/sceau/proxy.md", "include/sceau.h"):
        assert name in files, (name, sorted(files))
    assert not any(name.startswith("etc/") for name in files), files
    done = run([os.path.join(prefix, "bin/sceau"), "--version"])
    assert done.returncode == 0 and done.stdout.startswith("sceau "), done


def the_unit_is_sound():
    unit = read("packaging/sceaud.service")
    for line in ("Type=notify", "ExecReload=/bin/kill -HUP $MAINPID", "NoNewPrivileges=yes", "ProtectSystem=strict",
                 "SystemCallFilter=@system-service"):
        assert f"\n{line}\n" in unit, line
    drain = re.search(r"OPTION\(drain_timeout_ms,[^)]*?(\d+), \"", read("base/options.def"))
    assert int(re.search(r"TimeoutStopSec=(\d+)", unit).group(1)) * 1000 > int(drain.group(1)), drain
    passed = dict(re.findall(r"^(ListenStream|FileDescriptorName)=(.*)$", read("packaging/sceaud.socket"), re.M))
    wanted = re.search(r'^listener "(.*)" \{\n.*\n +listen += "(.*)"$', read("packaging/sceau.conf"), re.M)
    assert passed == {"FileDescriptorName": wanted[1], "ListenStream": wanted[2]}, (passed, wanted)
    spool = re.search(r'^spool = "(.*)"$', read("packaging/sceau.conf"), re.M).group(1)
    assert spool.startswith("/var/lib/sceau/") and "\nStateDirectory=sceau\n" in unit, spool
    if not shutil.which("systemd-analyze"):
        print("   systemd-analyze is not installed: the unit's own check is left out")
        return
    file = house.put("unit/sceaud.service", unit.replace("/usr/sbin/sceaud", house.SCEAUD))
    ports = house.put("unit/sceaud.socket", read("packaging/sceaud.socket"))
    done = run(["systemd-analyze", "verify", "--man=no", file, ports])
    assert done.returncode == 0 and "sceaud.service" not in done.stderr, done.stderr


if __name__ == "__main__":
    house.main(each_option_stands_in_its_manual_page, exit_codes_stand_in_the_manual_page,
               variables_and_signals_stand_in_the_manual_page, manual_pages_are_clean, the_commands_of_the_readme_run,
               links_resolve, files_and_modules_that_are_named_exist, the_floors_table_is_that_of_the_test,
               the_example_configuration_is_sound, all_of_it_gets_installed, the_unit_is_sound)
