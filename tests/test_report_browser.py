"""The HTML report in a real headless browser: it draws, answers the keyboard, and lets no model output run."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report_runs import HOSTILE, synthetic_run

from coderm.records import Verdict
from coderm.report.page import write_report
from coderm.runs import Run

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium (the dev extra)")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver on the PATH")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return synthetic_run(tmp_path_factory.mktemp("runs") / "made-up", problems=10, n=12, m=9)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}", "--window-size=1280,900"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    driver.set_script_timeout(30)
    yield driver
    driver.quit()


@pytest.fixture
def page(browser: Any, run: Run, tmp_path: Path) -> Any:
    browser.get("about:blank")
    for kind in ("browser", "performance"):
        browser.get_log(kind)
    browser.get(write_report(run, tmp_path / "report.html").as_uri())
    wait(browser, "document.documentElement.dataset.painted === 'yes'")
    return browser


def wait(page: Any, condition: str) -> None:
    found = page.execute_async_script(
        "const done = arguments[0]; let left = 500;"
        f"const look = () => {condition} ? done(true) : left-- ? setTimeout(look, 20) : done(false); look();")
    assert found, condition


def opened(page: Any, task: int) -> str:
    """Open a problem; returns the selector of its body."""
    page.execute_script(f"document.getElementById('p{task}').open = true")
    wait(page, f"document.getElementById('p{task}').dataset.filled === 'yes'")
    return f"#p{task} .body"


def complaints(page: Any) -> list[str]:
    return [entry["message"] for entry in page.get_log("browser")]


def test_it_opens_without_a_complaint_and_asks_nobody(page: Any) -> None:
    assert complaints(page) == []
    asked = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    urls = [event["params"]["request"]["url"] for event in asked if event["method"] == "Network.requestWillBeSent"]
    assert urls and all(url.startswith("file://") and url.endswith("/report.html") for url in urls)


def test_hostile_candidates_are_shown_and_do_nothing(page: Any) -> None:
    title, scripts = page.title, page.execute_script("return document.scripts.length")
    body = opened(page, 3)
    page.execute_script(f"document.querySelector(\"{body} input[value='sampled']\").click()")
    shown = []
    for i in range(len(HOSTILE)):
        click(page, body, i, 0)
        # as JSON, since a lone surrogate cannot cross to the driver as it is
        shown.append(json.loads(page.execute_script(
            f"return JSON.stringify(document.querySelector('{body} .inspector .code').textContent)")))
    assert [text.rstrip() for text in shown] == [text.rstrip() for text in HOSTILE]
    assert (page.title, page.execute_script("return document.scripts.length")) == (title, scripts)
    assert page.execute_script(f"return document.querySelectorAll('{body} img, {body} script').length") == 0
    assert complaints(page) == []


def test_policy_stops_what_would_get_past_the_escaping(page: Any) -> None:
    title = page.title
    page.execute_script("document.body.insertAdjacentHTML('beforeend', "
                        "'<img src=\"x:y\" onerror=\"document.title=1\">')")
    page.execute_async_script("setTimeout(arguments[0], 200)")
    assert page.title == title
    assert any("Content Security Policy" in message for message in complaints(page))


def test_picture_shows_each_verdict_in_its_place(page: Any, run: Run) -> None:
    body = opened(page, 1)
    page.execute_script(f"document.querySelector(\"{body} input[value='sampled']\").click()")
    passed = page.execute_script(
        f"const c = document.querySelector('{body} canvas.matrix'), g = c.width - 9, x = c.getContext('2d');"
        "const key = getComputedStyle(document.querySelector('.v-pass'), '::before').backgroundColor;"
        "const p = key.match(/\\d+/g).map(Number);"
        "return [...Array(12).keys()].map(i => [...Array(9).keys()].map(j => {"
        "const d = x.getImageData(g + j, i, 1, 1).data; return d[3] === 255 && p.every((v, k) => v === d[k]); }));")
    matrix = run.matrix("Made/1")
    assert matrix is not None and (matrix.codes == Verdict.PASS).any()
    assert passed == matrix.passed.tolist()


def test_keyboard_reaches_every_cell_and_says_what_it_is(page: Any, run: Run) -> None:
    body = opened(page, 1)
    page.execute_script(f"document.querySelector(\"{body} input[value='sampled']\").click()")
    stage = page.find_element("css selector", f"{body} .stage")
    click(page, body, 0, 0)
    stage.send_keys("\ue015\ue015\ue014")  # down, down, right
    said = page.find_element("css selector", f"{body} .said").text
    matrix = run.matrix("Made/1")
    assert matrix is not None
    truth = "correct" if run.labels()["Made/1"][2] else "wrong"
    assert said.startswith(f"candidate 2 ({truth}, {matrix.passed[2].sum()} vote")
    assert f"× test 1 (passes {matrix.passed[:, 1].sum()} of 12)" in said
    assert matrix.verdicts[2, 1] in said
    assert page.find_element("css selector", f"{body} .inspector code").text == "coderm explain made-up Made/1 2 1"


def test_problems_open_by_keyboard_and_by_address(page: Any) -> None:
    summary = page.find_element("css selector", "#p2 > summary")
    summary.send_keys("\ue007")
    wait(page, "document.getElementById('p2').dataset.filled === 'yes'")
    page.execute_script("location.hash = '#p4'")
    wait(page, "document.getElementById('p4').dataset.filled === 'yes'")


def test_light_dark_and_narrow(page: Any) -> None:
    paper = "return getComputedStyle(document.body).backgroundColor"
    light = page.execute_script(paper)
    page.find_element("id", "theme").click()
    assert page.execute_script(paper) != light
    opened(page, 1)
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                         {"width": 420, "height": 900, "deviceScaleFactor": 1, "mobile": False})
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") <= 420
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_it_prints(page: Any) -> None:
    opened(page, 1)
    pdf = base64.b64decode(page.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
    assert pdf.startswith(b"%PDF") and pdf.count(b"/Type /Page") >= 2


def click(page: Any, body: str, i: int, j: int) -> None:
    """Click the cell in row i and column j of a problem's picture."""
    page.execute_script(
        f"const c = document.querySelector('{body} canvas.matrix'), b = c.getBoundingClientRect();"
        "const w = b.width / c.width, h = b.height / c.height, g = c.width - 9;"
        "c.dispatchEvent(new MouseEvent('click', {bubbles: true, clientX: b.left + (g + arguments[1] + .5) * w,"
        "clientY: b.top + (arguments[0] + .5) * h}));", i, j)
