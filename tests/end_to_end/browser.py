"""Chromium without a window, for tests that look at pages: driven over WebDriver (chromedriver of Debian's chromium-driver), with
Chromium's own commands for what WebDriver has not: narrow windows, the dark scheme, scripts off. Screenshots are kept in the
build folder, under screenshots/."""
import base64
import json
import os
import shutil
import subprocess
import urllib.request

import house

house.need("chromium", "chromedriver")
SCREENSHOTS = os.path.join(house.BUILD, "screenshots")
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars"]
AXE = "4.14.1"


class Browser:
    def __init__(self, waits=True):
        """waits: commands wait until the page is loaded; not for pages that never end."""
        self.port = house.free_port()
        self.driver = house.spawn(["chromedriver", f"--port={self.port}"], "chromedriver.log")
        house.wait_for(lambda: house.port_answers(self.port), "chromedriver")
        options = {"args": ARGUMENTS + [f"--user-data-dir={house.path(f'chromium-{self.port}')}"], "binary": shutil.which("chromium")}
        wanted = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options, "pageLoadStrategy": "normal" if waits else "none",
                                                   "goog:loggingPrefs": {"browser": "ALL"}}}}
        self.session = ""
        self.session = "/session/" + self.call("POST", "/session", wanted)["sessionId"]

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{self.session}{path}", data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60 * house.SLOW) as reply:
            return json.load(reply)["value"]

    def devtools(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def look(self, width=1280, dark=False):
        """How wide the window is, and which colours its owner likes."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def allow_scripts(self, allowed):
        self.devtools("Emulation.setScriptExecutionDisabled", value=not allowed)

    def open(self, address):
        self.call("POST", "/url", {"url": address})

    def address(self):
        return self.call("GET", "/url")

    def run(self, script, *arguments):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def run_async(self, script, *arguments):
        """The script calls its last argument with the answer."""
        return self.call("POST", "/execute/async", {"script": script, "args": list(arguments)})

    def find(self, selector):
        return next(iter(self.call("POST", "/element", {"using": "css selector", "value": selector}).values()))

    def click(self, selector):
        self.call("POST", f"/element/{self.find(selector)}/click", {})

    def text(self, selector):
        return self.call("GET", f"/element/{self.find(selector)}/text")

    def complaints(self):
        """What Chromium wrote to its console: blocked loads and the like."""
        return [entry["message"] for entry in self.call("POST", "/se/log", {"type": "browser"})]

    def is_too_wide(self):
        return self.run("return document.documentElement.scrollWidth > document.documentElement.clientWidth")

    def screenshot(self, name):
        """Of the whole page."""
        size = self.devtools("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 6000), "scale": 1}
        picture = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        os.makedirs(SCREENSHOTS, exist_ok=True)
        with open(os.path.join(SCREENSHOTS, name + ".png"), "wb") as file:
            file.write(base64.b64decode(picture["data"]))

    def violations(self, axe):
        """What axe-core has to say against the page as it is."""
        self.run(axe + "\nwindow.axe = axe;")
        found = self.run_async("axe.run().then(arguments[arguments.length - 1])")["violations"]
        return [(one["id"], one["nodes"][0]["html"][:200], len(one["nodes"])) for one in found]

    def close(self):
        self.call("DELETE", "")
        house.stop(self.driver)


def axe_core():
    """The text of axe-core, from the npm registry; None where that is out of reach."""
    if shutil.which("npm") is None:
        return None
    folder = house.path("axe/x")[:-2]
    done = subprocess.run(["npm", "pack", "--silent", f"axe-core@{AXE}"], cwd=folder, capture_output=True, check=False, timeout=120)
    if done.returncode != 0:
        return None
    subprocess.run(["tar", "-xzf", f"axe-core-{AXE}.tgz", "package/axe.min.js"], cwd=folder, check=True)
    with open(os.path.join(folder, "package", "axe.min.js"), encoding="utf-8") as file:
        return file.read()
