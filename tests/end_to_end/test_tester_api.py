"""The tester's JSON API against docs/openapi.yaml: every path, method and status that is described is asked for, every answer
and every event is held against its schema; a path that is served and not described fails as well."""
import http.client
import json
import re
import urllib.error
import urllib.request

import house

try:
    import dkim  # noqa: F401 (house.signed wants it)
    import jsonschema
    import yaml
except ImportError as missing:
    house.skip(f"{missing.name} is not installed")

CONF = """
authserv_id = "mx.here.test"
listener "tests" { protocol = "smtp" listen = "127.0.0.1:{smtp}" downstream = "tester" }
dns { mode = "zones" zone_files = { "%s" } }
http { listen = "127.0.0.1:{http}" }
tester { enabled = true domain = "tests.here.test" tests_per_minute = %d }
"""
with open(house.SOURCE + "/docs/openapi.yaml", encoding="utf-8") as file:
    API = yaml.safe_load(file)
OURS = ("/api/v1/verify", "/api/v1/tests", "/api/v1/shared", "/api/v1/dkim", "/api/v1/record")
state = {"asked": set()}


def resolve(node):
    while "$ref" in node:
        target = API
        for part in node["$ref"][2:].split("/"):
            target = target[part]
        node = target
    return node


def hold(value, schema):
    jsonschema.Draft202012Validator({**schema, "components": API["components"]}).validate(value)


def check(method, path, where, want=200, body=None, **headers):
    """Asks for where, an instance of the described path; the answer, held against its description."""
    request = urllib.request.Request(f"http://127.0.0.1:{state['daemon'].http}{where}", data=body, method=method,
                                     headers={key.replace("_", "-"): value for key, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=60 * house.SLOW) as answer:
            status, fields, text = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        status, fields, text = error.code, error.headers, error.read()
    assert status == want, (method, where, status, text[:500])
    described = resolve(API["paths"][path][method.lower()]["responses"][str(status)])
    state["asked"].add((path, method.lower(), status))
    assert all(name in fields for name in described.get("headers", {})), fields
    if "content" not in described:
        assert text == b"", text
        return None
    assert fields["Content-Type"] in described["content"], (where, fields["Content-Type"])
    schema = described["content"][fields["Content-Type"]]["schema"]
    if fields["Content-Type"] == "text/event-stream":
        return [(kind, hold(json.loads(data), schema)) for kind, data in re.findall(r"event: (.*)\ndata: (.*)\n\n", text.decode())]
    value = json.loads(text)
    hold(value, schema)
    return value


def a_message_by_api():
    text = house.signed(house.message("good.here.test", more="Received: from a.test (a.test [192.0.2.1]) by b.test with ESMTPS id 1; Mon, 1 Jan 2024 00:00:00 +0000\r\n"),
                        "good.here.test", "s1", state["pem"])
    state["text"] = text
    report = check("POST", "/api/v1/verify", "/api/v1/verify", 200, text, Content_Type="message/rfc822")
    assert report["message"]["steps"] == [{"from": "a.test (a.test [192.0.2.1])", "by": "b.test", "with": "ESMTPS", "time": "2024-01-01T00:00:00Z"}], report
    damaged = check("POST", "/api/v1/verify", "/api/v1/verify?part=whole", 200, text + b"footer\r\n", Content_Type="text/plain")
    assert damaged["findings"] and damaged["findings"][0]["signature"] == 0
    check("POST", "/api/v1/verify", "/api/v1/verify?part=headers", 200, text[:text.index(b"\r\n\r\n")], Content_Type="text/plain")
    check("POST", "/api/v1/verify", "/api/v1/verify", 200, b"X: y\r\n" * 1001 + b"\r\n", Content_Type="text/plain")
    check("POST", "/api/v1/verify", "/api/v1/verify?part=x", 400, text, Content_Type="text/plain")
    check("POST", "/api/v1/verify", "/api/v1/verify", 415, text, Content_Type="image/png")
    check("POST", "/api/v1/verify", "/api/v1/verify", 403, text, Content_Type="text/plain", Origin="https://other.test")


def a_test_by_mail():
    check("POST", "/api/v1/tests", "/api/v1/tests", 403, b"", Sec_Fetch_Site="cross-site")
    ticket = check("POST", "/api/v1/tests", "/api/v1/tests", 201, b"")
    one = "/api/v1/tests/" + ticket["token"]
    check("GET", "/api/v1/tests/{token}", one)
    for _ in range(5):  # the fifth one ends the stream
        assert state["daemon"].send(state["text"], [ticket["address"]])[0] == 250
    kinds = [kind for kind, _ in check("GET", "/api/v1/tests/{token}/events", one + "/events")]
    assert kinds[0] == "received" and kinds[-1] == "end" and kinds.count("report") == 5 and len(kinds) <= 64, kinds
    assert len(check("GET", "/api/v1/tests/{token}", one)["reports"]) == 5
    share = check("POST", "/api/v1/tests/{token}/share", one + "/share", 200, b"")
    check("POST", "/api/v1/tests/{token}/share", one + "/share", 403, b"", Origin="null")
    shared = check("GET", "/api/v1/shared/{share}", "/api/v1/shared/" + share["share"])
    assert all(report["masked"] for report in shared["reports"])
    check("DELETE", "/api/v1/tests/{token}", one, 403, Sec_Fetch_Site="same-site")
    check("DELETE", "/api/v1/tests/{token}", one, 204)
    check("DELETE", "/api/v1/tests/{token}", one, 404)
    check("GET", "/api/v1/tests/{token}", one, 404)
    check("GET", "/api/v1/tests/{token}/events", one + "/events", 404)
    check("POST", "/api/v1/tests/{token}/share", one + "/share", 404, b"")
    check("GET", "/api/v1/shared/{share}", "/api/v1/shared/" + share["share"], 404)


def records():
    dkim_one, dkim_more = "/api/v1/dkim/{domain}/{selector}", "/api/v1/dkim/{domain}"
    for selector in ("s1", "s9", "alias"):
        told = check("GET", dkim_one, "/api/v1/dkim/good.here.test/" + selector)
        assert told["spf"]["texts"] == ["v=spf1 -all"] and told["dmarc"]["policy"]["np"] == "none", told
    told = check("GET", dkim_one, "/api/v1/dkim/good.here.test/alias?expect=other.test")
    assert told["selectors"][0]["state"] == "toFix", told
    check("GET", dkim_one, "/api/v1/dkim/good..test/s1", 400)
    check("GET", dkim_more, "/api/v1/dkim/good.here.test?selectors=k-selector1,k-selector2")
    alone = check("GET", dkim_more, "/api/v1/dkim/good.here.test")
    assert alone["selectors"] == [] and alone["spf"]["state"] == alone["dmarc"]["state"] == "valid", alone
    check("GET", dkim_more, "/api/v1/dkim/good..test", 400)
    check("GET", dkim_more, "/api/v1/dkim/good.here.test?selectors=1,2,3,4,5,6,7,8,9", 400)
    for text in (b"v=DKIM1; p=", state["record"].encode(), b'a._domainkey.b.test. TXT "v=DKIM1; " "p=AAAA"',
                 b"a._domainkey.b.test. CNAME c.test.", b"nonsense"):
        check("POST", "/api/v1/record", "/api/v1/record", 200, text, Content_Type="text/plain")
    check("POST", "/api/v1/record", "/api/v1/record", 400, b"")
    check("POST", "/api/v1/record", "/api/v1/record", 403, b"v=DKIM1", Origin="http://other.test")


def refused_unread(path, octets):
    """A body that is announced as too large is not waited for."""
    client = http.client.HTTPConnection("127.0.0.1", state["daemon"].http, timeout=60 * house.SLOW)
    client.putrequest("POST", path)
    client.putheader("Content-Length", str(octets))
    client.endheaders()
    answer = client.getresponse()
    assert answer.status == 413 and answer.headers["Content-Type"] == "application/problem+json"
    hold(json.loads(answer.read()), {"$ref": "#/components/schemas/Problem"})
    state["asked"].add((path, "post", 413))


def too_much():
    refused_unread("/api/v1/verify", (10 << 20) + 1)
    refused_unread("/api/v1/record", 65537)
    ticket = check("POST", "/api/v1/tests", "/api/v1/tests", 201, b"")
    streams = [urllib.request.urlopen(f"http://127.0.0.1:{state['daemon'].http}/api/v1/tests/{ticket['token']}/events") for _ in range(8)]
    check("GET", "/api/v1/tests/{token}/events", f"/api/v1/tests/{ticket['token']}/events", 429)
    for stream in streams:
        stream.close()
    assert state["daemon"].stop() == 0
    state["daemon"] = house.Daemon(CONF % (state["zone"], 1))
    check("POST", "/api/v1/tests", "/api/v1/tests", 201, b"")
    check("POST", "/api/v1/tests", "/api/v1/tests", 429, b"")
    check("POST", "/api/v1/verify", "/api/v1/verify", 429, state["text"], Content_Type="text/plain")
    check("GET", "/api/v1/dkim/{domain}/{selector}", "/api/v1/dkim/good.here.test/s1", 429)
    check("GET", "/api/v1/dkim/{domain}", "/api/v1/dkim/good.here.test?selectors=s1", 429)


def all_that_is_described_was_asked_for():
    front = state["daemon"].get("/")[1].decode()
    served = {path for path in re.findall(r"(/api/v1/[^<\":\s]*)", front) if path.startswith(OURS)}
    described = {path for path in API["paths"] if path.startswith(OURS)}
    assert not served - described, served - described
    want = {(path, method, int(status)) for path in described for method in API["paths"][path] if method != "parameters"
            for status in API["paths"][path][method]["responses"]}
    assert not want - state["asked"], want - state["asked"]
    assert state["daemon"].stop() == 0


pem, record = house.make_key("first")
rows = f"s1._domainkey.good TXT {house.txt(record)}\nalias._domainkey.good CNAME s1._domainkey.good\n"
rows += "".join(f"k-selector{i}._domainkey.good CNAME s1._domainkey.good\n" for i in (1, 2))
rows += 'good TXT "v=spf1 -all"\n_dmarc.good TXT "v=DMARC1; p=none"\n'
state.update(pem=pem, record=record, zone=house.put("zone", house.zone_text("here.test", rows)))
state["daemon"] = house.Daemon(CONF % (state["zone"], 1000))
house.main(a_message_by_api, a_test_by_mail, records, too_much, all_that_is_described_was_asked_for)
