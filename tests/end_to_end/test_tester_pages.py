"""The tester's pages, used with Chromium as a person would: an address is asked for, a signed message is sent to it through the
SMTP listener, and its rows appear while one looks, with script and without. Then the message that got a footer on the way, the
shared link, deletion, pasting, a domain; the keyboard alone; hostile messages; both languages, both colour schemes, narrow and
wide; axe-core finds nothing against any page. Screenshots are kept."""
import urllib.error
import urllib.parse
import urllib.request

import browser
import house

try:
    import dkim  # noqa: F401 (house.signed wants it)
except ImportError:
    house.skip("python3-dkim is not installed")
CONF = """
authserv_id = "mx.here.test"
listener "tests" { protocol = "smtp" listen = "127.0.0.1:{smtp}" downstream = "tester" }
dns { mode = "zones" zone_files = { "%s" } }
http { listen = "127.0.0.1:{http}" }
tester { enabled = true domain = "test.here.test" base_url = "http://127.0.0.1:{http}" tests_per_minute = 1000 }
"""
EVIL = "<script>document.title='owned'</script><img src=x onerror=alert(1)>\u202e"
FOOTER = b"-- \r\nSoup list\r\nhttp://list.here.test/\r\n"
state = {}


def start():
    pem, record = house.make_key()
    zone = (f"one._domainkey.there TXT {house.txt(record)}\n"
            f"two._domainkey.there CNAME two.keys.there.here.test.\ntwo.keys.there TXT {house.txt(record)}\n"
            "broken._domainkey.there TXT \"v=DKIM1; k=rsa; p=AAAA\"\n"
            "_dmarc.there TXT \"v=DMARC1; p=none\"\n"
            "there TXT \"v=spf1 ip4:127.0.0.0/8 include:spf.here.test -all\"\n"
            "spf TXT \"v=spf1 ip6:2001:db8::/32 -all\"\n"
            "below.there TXT \"v=spf1 mx foo -all\"\n")
    file = house.put("zone", house.zone_text("here.test", zone))
    state["pem"] = pem
    state["daemon"] = house.Daemon(CONF % file)
    state["browser"], state["axe"] = browser.Browser(), browser.axe_core()
    if state["axe"] is None:
        print("axe-core could not be had from npm: left out")


def at(path):
    return f"http://127.0.0.1:{state['daemon'].http}{path}"


def signed(subject="a test", body="Hello\r\nworld\r\n"):
    text = house.message("there.here.test", subject, body)
    return house.signed(text, "there.here.test", "one", state["pem"])


def send(address, text):
    code, reply = state["daemon"].send(text, recipients=(address,), sender="alice@there.here.test")
    assert code == 250, (code, reply)


def texts(selector):
    return state["browser"].run("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText)", selector)


def wait_for_text(selector, word):
    return house.wait_for(lambda: next((t for t in texts(selector) if word in t), None), f"{word!r} in {selector}", 60)


def there(chromium, selector, word=""):
    """The text of the first element that selector finds and that holds word, once there is one; read without script."""
    def look():
        try:
            return next((text for text in [chromium.text(selector)] if word in text), None)
        except urllib.error.HTTPError:
            return None  # not there yet
    return house.wait_for(look, f"{word!r} in {selector}", 60)


def new_address(language="en"):
    chromium = state["browser"]
    chromium.open(at(f"/{language}/"))
    chromium.click("form[action$='/t'] button")
    return there(chromium, "#address")


def report_from(address, text, language="en"):
    """Sends it and waits until the page shows the report."""
    send(address, text)
    wait_for_text("#reports h2", "Message 1")
    return state["browser"].text("#reports")


def rows_appear_while_one_looks():
    chromium = state["browser"]
    chromium.look()
    address = new_address()
    assert address.endswith("@test.here.test"), address
    assert "Waiting for a message" in there(chromium, "#attente")
    assert chromium.run("return document.querySelectorAll('#reports section').length") == 0
    assert texts("[data-copy=address]") == ["Copy"] and "minutes" in chromium.text("#left")
    chromium.run("""window.seen = []; new MutationObserver(list => list.forEach(one => one.addedNodes.forEach(node => seen.push(node.innerText))))
        .observe(document.getElementById('rows'), {childList: true}); window.same = true""")
    told = report_from(address, signed())
    seen = " ".join(chromium.run("return seen"))
    for word in ("Message received", "Signature 1", "Key", "Header fields", "Body", "DMARC"):
        assert word in seen, (word, seen)
    assert chromium.run("return window.same === true"), "the page was loaded again"
    assert "as it was signed (proved)" in told and "Nothing: all is as it should be." in told, told
    send(address, signed().replace(b"Hello", b"Hullo"))
    wait_for_text("#reports h2", "Message 2")
    assert len(texts("#reports section")) == 2 and "changed" in there(chromium, "#reports section:nth-child(2)")
    there(chromium, "#told", "The report is below.")


def rows_appear_without_script():
    chromium = browser.Browser(waits=False)
    try:
        look_without_script(chromium)
    finally:
        chromium.close()


def click(chromium, selector):
    """Once there is such an element."""
    there(chromium, selector)
    chromium.click(selector)


def look_without_script(chromium):
    chromium.allow_scripts(False)
    chromium.open(at("/fr/"))
    click(chromium, "form[action$='/t'] button")
    house.wait_for(lambda: chromium.address().endswith("?live"), "the streamed page")
    assert "En attente" in there(chromium, "#attente")
    address = there(chromium, "#address")
    assert chromium.text("[data-copy=address]") == "" and chromium.text("#left") == "", "only script can copy and count"
    # The stream itself, octet by octet: rows are there before the answer has ended.
    with urllib.request.urlopen(at(f"/fr/t/{address.split('@')[0]}?live"), timeout=60 * house.SLOW) as stream:
        text = b""
        while b'<ol id="rows"' not in text:
            text += stream.read1()
        assert b"Corps" not in text and stream.headers["Content-Type"].startswith("text/html")
        assert stream.headers["X-Accel-Buffering"] == "no" and stream.headers["Cache-Control"] == "no-store"
        send(address, signed() + FOOTER)
        while b"</section>" not in text:
            text += stream.read1()
    for word in ("Message reçu", "Signature 1", "En-têtes", "lignes", "DMARC"):
        assert word in text.decode(errors="replace"), word
    # The browser that looked has it all as well, and its page is still open.
    told = there(chromium, "section", "Ce qu'il faut faire")
    assert "lignes" in told and "prouvé" in told and "Soup·list" in told, told
    send(address, signed())
    there(chromium, "section:nth-of-type(2)", "Rien : tout est comme il faut.")
    click(chromium, "a[href='?still']")
    click(chromium, "form[action$=share] button")
    assert "/r/" in there(chromium, "#share")
    click(chromium, "form[action$=delete] button")
    assert "Le test a été effacé." in there(chromium, ".told")


def a_footer_is_named_shared_and_deleted():
    chromium = state["browser"]
    address = new_address()
    test = chromium.address()
    told = report_from(address, signed("dinner") + FOOTER)
    assert "3 lines" in told and "proved" in told and "B1" in told, told
    assert "Soup·list¶" in " ".join(texts("#reports ins")), texts("#reports ins")
    assert "world¶" in " ".join(texts("table.sides .same td")), "what stands around the change"
    chromium.click("form[action$=share] button")
    shared = there(chromium, "#share")
    chromium.open(shared)
    assert "/en/r/" in chromium.address(), chromium.address()
    told = there(chromium, "main", "3 lines")
    assert "3 lines" in told and "***@there.here.test" in told and "alice@" not in chromium.run("return document.body.textContent"), told
    assert not chromium.run("return document.querySelector('form')")
    chromium.open(test)
    chromium.click("form[action$=delete] button")
    there(chromium, "main", "The test has been deleted.")
    for gone in (test, shared):
        chromium.open(gone)
        there(chromium, "main", "There is no such test")
    assert state["daemon"].send(signed(), recipients=(address,))[0] // 100 == 5


def pasted_and_uploaded_messages_are_tested():
    chromium = state["browser"]
    chromium.open(at("/en/"))
    head = (signed().split(b"\r\n\r\n")[0] + b"\r\n").decode()
    chromium.run("document.getElementById('text').value = arguments[0]", head)
    chromium.click("form[action$='/t/message'] button")
    wait_for_text("#reports", "Header fields read, without a body")
    told = chromium.text("#reports")
    assert "as they were signed (proved)" in told and "d=there.here.test" in told, told
    upload(signed("upload") + FOOTER, "3 lines")
    chromium.open(at("/en/"))
    chromium.click("form[action$='/t/message'] button")
    there(chromium, "main", "There is no message")


def a_domain_is_checked():
    chromium = state["browser"]
    chromium.open(at("/en/"))
    chromium.run("document.getElementById('domain').value = 'there.here.test'; document.getElementById('selectors').value = 'one two broken missing'")
    chromium.click("form[action$='/d'] button")
    wait_for_text("main", "missing (toSet)")
    told = chromium.text("main")
    assert "/en/d/there.here.test?selectors=one+two+broken+missing" in chromium.address(), chromium.address()
    for word in ("RSA, 2048 bits", "two.keys.there.here.test, TTL 300 s", "unusable", "set", "one SPF record, and it can be read",
                 "one DMARC record at the domain itself", "This IPv4 address or network.", "nothing is asked for (none)"):
        assert word in told, (word, told)
    chromium.click("a[hreflang=fr]")
    wait_for_text("main", "manquant (toSet)")
    assert "Cette adresse ou ce réseau IPv4." in wait_for_text("main", "un enregistrement DMARC sous le domaine même")
    answer = ('[{"selectorName": "two", "customerRecord": "two._domainkey.there.here.test", "targetRecord": "two.keys.there.here.test."},'
              ' {"selectorName": "one", "customerRecord": "one._domainkey.there.here.test", "targetRecord": "one.keys.there.here.test."}]')
    chromium.open(at("/en/"))
    chromium.run("document.querySelector('details').open = true; document.getElementById('domain').value = 'there.here.test';"
                 "document.getElementById('answer').value = arguments[0]", answer)
    chromium.click("form[action$='/d'] button")
    told = wait_for_text("#fini", "Expected target")
    assert "one.keys.there.here.test" in told and chromium.address().endswith("/en/d"), told
    chromium.open(at("/en/"))  # SPF and DMARC alone
    chromium.run("document.getElementById('domain').value = 'below.there.here.test'")
    chromium.click("form[action$='/d'] button")
    told = wait_for_text("#fini", "No selector was named")
    for word in ("does not exist: foo (position 11)", "the DMARC record of a domain above applies", "_dmarc.there.here.test"):
        assert word in told, (word, told)
    chromium.allow_scripts(False)
    chromium.open(at("/fr/d/below.there.here.test"))
    told = there(chromium, "#fini", "terme qui n'existe pas")
    chromium.allow_scripts(True)
    assert "Copier" not in told and "d'un domaine supérieur s'applique" in told, told
    chromium.open(at("/en/"))
    chromium.run("document.querySelector('details').open = true; document.getElementById('domain').value = 'there.here.test';"
                 "document.getElementById('target').value = 'one.keys.there.here.test'")
    chromium.click("form[action$='/d'] button")
    there(chromium, "main", "one at least to try a target")


def the_keyboard_is_enough():
    """From the address bar: Tab to the first button, Enter; then on to the folds and the delete button."""
    chromium = state["browser"]
    chromium.open(at("/en/"))

    def press(*keys):
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        chromium.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def focused():
        return chromium.run("const e = document.activeElement; return e.innerText || e.id || e.tagName")

    tab, enter, space = "\ue004", "\ue007", " "
    visited = []
    for _ in range(40):
        press(tab)
        visited.append(focused())
        if visited[-1] == "Get an address":
            break
    assert visited[0] == "Skip to the content" and visited[-1] == "Get an address", visited
    assert chromium.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    press(enter)
    house.wait_for(lambda: "/t/" in chromium.address(), "the test")
    report_from(there(chromium, "#address"), signed() + FOOTER)
    order = []
    for _ in range(60):
        press(tab)
        order.append(focused())
        if order[-1] == "Delete this test now":
            break
    for one in ("See the change", "Signature, tag by tag", "Canonical text", "Make a link to share"):
        assert one in order, (one, order)
    press(space)
    house.wait_for(lambda: "deleted" in chromium.address(), "the front")


def hostile_messages_are_shown_as_text():
    chromium = state["browser"]
    chromium.complaints()
    text = (f"From: {EVIL} <a@there.here.test>\r\nTo: b@here.test\r\nSubject: {EVIL}\r\nX: {EVIL}\r\n"
            f"Received: from {EVIL} by {EVIL} with {EVIL}; Tue, 24 Nov 2026 12:00:00 +0000\r\n\r\n{EVIL}\r\n").encode()
    field = (f"DKIM-Signature: v=1; a=rsa-sha256; d=there.here.test; s=one; {EVIL}=1; h=from:subject:{EVIL}; bh={EVIL}; b={EVIL}\r\n").encode()
    told = report_from(new_address(), field + text)
    source = chromium.run("return document.documentElement.outerHTML")
    assert "<script>document.title" in told and chromium.run("return document.title").startswith("Your test"), told
    assert not chromium.run("return document.querySelector('main script, main img')") and "\u202e" not in source
    parts = b"".join(b"--x\r\nContent-Type: text/html\r\n\r\n<b>\0" + EVIL.encode() + b"\r\n" for _ in range(1000))
    big = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" + parts + b"--x--\r\n" + b"\0" * (9 << 20)
    upload(signed("nul", "x")[:-5] + big, "Message read")
    source = chromium.run("return document.documentElement.outerHTML")
    assert not chromium.run("return document.querySelector('main script, main img')") and "\u202e" not in source and "\0" not in source
    expect_no_complaints()


def expect_no_complaints():
    """Pages that are left keep their streams for a moment; who opens many at once has to wait for some."""
    complaints = [one for one in state["browser"].complaints() if "429" not in one]
    assert not complaints, complaints


def upload(text, word):
    chromium = state["browser"]
    chromium.open(at("/en/"))
    chromium.call("POST", f"/element/{chromium.find('#file')}/value", {"text": house.put("upload.eml", text)})
    chromium.click("form[action$='/t/message'] button")
    wait_for_text("#reports", word)


def get(path, **fields):
    request = urllib.request.Request(at(path), headers={k.replace("_", "-"): v for k, v in fields.items()})
    try:
        with urllib.request.urlopen(request, timeout=60 * house.SLOW) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def post(path, body, kind="application/x-www-form-urlencoded", **fields):
    request = urllib.request.Request(at(path), body, {"Content-Type": kind, **{k.replace("_", "-"): v for k, v in fields.items()}})
    try:
        with urllib.request.urlopen(request, timeout=60 * house.SLOW) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def odd_requests_get_a_page_that_says_so():
    state["browser"].open(at("/"))
    assert "/en/" in state["browser"].address()
    for path, status, word in (("/fr/t/nonsense", 404, "Ce test n"), ("/en/r/%3Cscript%3E", 404, "no such test"),
                               ("/en/t/nonsense/events", 404, "no such test"), ("/en/d/x%3Cscript%3E?selectors=a", 400, "wanted"),
                               ("/fr/d/a.test?selectors=1,2,3,4,5,6,7,8,9", 400, "huit sélecteurs")):
        got, fields, text = get(path)
        assert got == status and word in text.decode() and "<script" not in text.decode(), (path, got, text[:2000])
        assert "unsafe" not in fields["Content-Security-Policy"] and fields["Content-Security-Policy"].startswith("default-src 'none'")
    assert post("/en/t/message", b"text=x", "text/plain")[0] == 400
    assert post("/en/t/message", b"text=" + b"x" * (1 << 20) + b"x")[0] == 413
    assert post("/en/t", b"", Sec_Fetch_Site="cross-site")[0] == 403
    assert post("/en/t", b"", Origin="http://evil.test")[0] == 403
    assert get("/en/t")[0] == 405
    status, fields, text = get("/en/help")
    assert status == 200 and b'id="T-p2"' in text and "Set-Cookie" not in fields


def who_asks_too_often_is_told_when_to_come_back():
    other = house.Daemon(state["daemon"].template.replace("tests_per_minute = 1000", "tests_per_minute = 2"), "strict")
    answers = [post_to(other, path) for path in ("/fr/t", "/fr/t", "/fr/t", "/fr/d")]
    assert [status for status, _, _ in answers] == [200, 200, 429, 429], answers
    for _, fields, text in answers[2:]:
        seconds = int(fields["Retry-After"])
        assert seconds > 0 and f"Réessayez dans {seconds} secondes." in text, text
    assert other.stop() == 0


def post_to(daemon, path):
    form = b"domain=there.here.test&selectors=one&target=one.keys.there.here.test"
    request = urllib.request.Request(f"http://127.0.0.1:{daemon.http}{path}", form, {"Content-Type": "application/x-www-form-urlencoded"})
    try:
        with urllib.request.urlopen(request, timeout=60 * house.SLOW) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def pages_are_light():
    address = new_address()
    report_from(address, signed() + FOOTER)
    test = urllib.parse.urlparse(state["browser"].address()).path
    for path in ("/en/", "/fr/aide", "/en/help", test, "/fr/d/there.here.test?selectors=one+two+broken+missing"):
        _, fields, text = get(path, Accept_Encoding="gzip")
        sizes = {path: len(text)}
        for asset in state["browser"].run("return [...document.querySelectorAll('link[rel=stylesheet], script[src]')].map(e => e.getAttribute('href') || e.getAttribute('src'))"):
            sizes[asset] = len(get(asset, Accept_Encoding="gzip")[2])
        assert sum(sizes.values()) < 30000, sizes
    policy = get(test)[1]
    assert policy["X-Robots-Tag"] == "noindex" and "script-src 'self'" in policy["Content-Security-Policy"] and policy["Cache-Control"] == "no-store"


def pages_look_well_in_every_way():
    chromium = state["browser"]
    tests = {}
    for language in ("fr", "en"):
        chromium.look()
        address = new_address(language)
        waiting = chromium.address()
        tests[language] = {"front": at(f"/{language}/"), "waiting": waiting, "report": new_report(language),
                           "domain": at(f"/{language}/d/there.here.test?selectors=one+two+broken+missing"),
                           "policy": at(f"/{language}/d/below.there.here.test"),
                           "help": at(f"/{language}/" + ("aide" if language == "fr" else "help"))}
    axed = set()
    for language in ("fr", "en") if house.SLOW == 1 else ("fr",):
        for name, page in tests[language].items():
            for width in (320, 1280):
                for dark in (False, True) if language == "fr" and name != "help" else (width == 320,):
                    chromium.look(width, dark)
                    chromium.open(page)
                    if name in ("domain", "policy"):
                        house.wait_for(lambda: chromium.run("return !!document.getElementById('fini')"), "the records")
                    assert not chromium.is_too_wide(), (page, width)
                    kind = f"tester-{name}-{language}-{'dark' if dark else 'light'}-{width}"
                    chromium.screenshot(kind)
                    if state["axe"] and dark == (width == 320) and (name, dark) not in axed and not (name == "help" and axed & {("help", True)}):
                        axed.add((name, dark))
                        chromium.run("document.querySelectorAll('details').forEach(e => { e.open = true; })")
                        found = chromium.violations(state["axe"])
                        assert not found, (kind, found)
    chromium.look()
    expect_no_complaints()


def new_report(language):
    address = new_address(language)
    page = state["browser"].address()
    report_from(address, signed("[soup] dinner at eight") + FOOTER, language)
    return page


def it_stops_while_pages_are_open():
    new_address()
    assert state["daemon"].stop() == 0, state["daemon"].log_text()


if __name__ == "__main__":
    start()
    try:
        house.main(rows_appear_while_one_looks, rows_appear_without_script, a_footer_is_named_shared_and_deleted,
                   pasted_and_uploaded_messages_are_tested, a_domain_is_checked, the_keyboard_is_enough,
                   hostile_messages_are_shown_as_text, odd_requests_get_a_page_that_says_so,
                   who_asks_too_often_is_told_when_to_come_back, pages_are_light,
                   pages_look_well_in_every_way, it_stops_while_pages_are_open)
    finally:
        state["browser"].close()
