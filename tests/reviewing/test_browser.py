"""A review in a real browser: thirty images by keyboard alone, on a phone, in the dark, and when the server dies."""

import itertools
import re
import threading

import pytest

from explain_gate.decisions.files import read_decisions, take_decisions
from explain_gate.reviewing.page import page_of
from explain_gate.reviewing.server import bind

pytestmark = pytest.mark.browser
CONTRAST = """
() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll("h1, dt, dd, legend, .opinions button, .reasons li, .asked-as, .hint")];
  return Math.min(...texts.filter((one) => one.textContent && one.checkVisibility()).map((one) => {
    const [a, b] = [light(parts(getComputedStyle(one).color)), light(ground(one))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  }));
}
"""


@pytest.fixture
def serve():
    """Starts servers, and ends those that a test has not ended."""
    running = {}

    def start(desk):
        server = bind(desk)
        thread = threading.Thread(target=server.serve)
        thread.start()
        running[server] = thread
        return server

    def stop(server):
        server.close()
        running.pop(server).join()

    start.stop = stop
    yield start
    for server in list(running):
        stop(server)


@pytest.fixture
def open_page(browser):
    """Opens a server's page; complaints of the browser and requests to elsewhere fail."""
    contexts, complaints = [], []

    def open_(server, width=1280, height=900, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on("request", lambda r: None if r.url.startswith((server.address, "data:")) else complaints.append(r.url))
        page.goto(server.address)
        counted(page, r"\d+ of \d+ judged")
        return page

    open_.complaints = complaints
    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


def counted(page, pattern):
    """Waits until the page's count reads so and its question is seen."""
    page.locator("#count").filter(has_text=re.compile(f"^{pattern}$")).wait_for()
    page.locator("main[aria-busy=false]").wait_for()


def test_a_review_of_thirty_images_by_keyboard_alone(make_run, sit, serve, open_page):
    """Every question answered, one with a note, one taken back and answered otherwise; the mouse is never used."""
    desk = sit(make_run(per_class=10))
    server = serve(desk)
    page = open_page(server)
    every = len(desk.questions)
    assert every >= 29  # one of the thirty has no map of the usual method
    page.keyboard.press("n")
    page.keyboard.type("1 lamp, 2 wires")
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    counted(page, f"1 of {every} judged")
    page.keyboard.press("1")
    counted(page, f"2 of {every} judged")
    page.keyboard.press("u")
    counted(page, f"1 of {every} judged")
    page.keyboard.press("3")
    for key in itertools.cycle("12415"):
        counted(page, rf"(?!1 of)\d+ of {every} judged")
        before = page.locator("#count").inner_text()
        if before == f"{every} of {every} judged":
            break
        page.keyboard.press(key)
        page.locator("#count").filter(has_not_text=re.compile(f"^{before}$")).wait_for()
    assert page.locator("#done").is_visible()
    decisions = read_decisions(desk.folder)
    assert all(one["settled"] for one in desk.standings())
    assert decisions[0].note == "1 lamp, 2 wires"
    assert decisions[0].opinion == "not plausible"
    assert decisions[1].opinion == "label wrong"
    assert {one.opinion for one in decisions} == {*desk.described()["opinions"]}


def test_a_review_goes_on_after_its_page_and_its_server_were_closed(run, sit, serve, open_page):
    """At the first question without an answer, on a new address."""
    first = serve(sit(run))
    page = open_page(first)
    asked = page.locator("#image").inner_text()
    page.keyboard.press("1")
    counted(page, r"1 of \d+ judged")
    following = page.locator("#image").inner_text()
    page.close()
    serve.stop(first)
    again = open_page(serve(sit(run)))
    assert again.locator("#image").inner_text() == following != asked
    again.keyboard.press("ArrowLeft")
    again.locator('[aria-pressed="true"]').wait_for()
    assert again.locator('[aria-pressed="true"]').inner_text().startswith("plausible")


def test_a_dead_server_is_told_and_nothing_passes_for_kept(run, sit, serve, open_page):
    """The page stays at its question and says what to do."""
    desk = sit(run)
    server = serve(desk)
    page = open_page(server)
    page.keyboard.press("1")
    counted(page, r"1 of \d+ judged")
    asked = page.locator("#image").inner_text()
    serve.stop(server)
    page.keyboard.press("2")
    page.locator("#trouble").wait_for()
    assert "was not kept" in page.locator("#trouble").inner_text()
    assert page.locator("#image").inner_text() == asked
    assert page.locator("#count").inner_text().startswith("1 of")
    assert len(read_decisions(desk.folder)) == 1
    open_page.complaints[:] = [one for one in open_page.complaints if "ERR_CONNECTION" not in one]


def test_the_view_changes_by_keys(run, sit, serve, open_page):
    """Map, region, strength and the other method's map; none of it answers anything."""
    desk = sit(run)
    page = open_page(serve(desk))
    page.locator("#map").wait_for()
    page.keyboard.press("m")
    assert page.locator("#map").is_hidden()
    page.keyboard.press("m")
    page.keyboard.press("r")
    assert page.locator("#outline").is_hidden()
    page.keyboard.press("-")
    assert page.locator("#map").evaluate("map => map.style.opacity") == "0.9"
    before = page.locator("#map").get_attribute("src")
    page.keyboard.press("a")
    assert page.locator("#map").get_attribute("src") != before
    assert read_decisions(desk.folder) == ()


def test_on_a_phone_nothing_is_wider_than_the_screen_and_fingers_can_answer(run, sit, serve, open_page):
    """Buttons of 44 pixels, whatever the names are."""
    desk = sit(run)
    page = open_page(serve(desk), width=360, height=740)
    page.locator("#map").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    heights = page.locator("button:visible").evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
    assert min(heights) >= 44
    page.get_by_role("button", name="not plausible").click()
    counted(page, r"1 of \d+ judged")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(run, sit, serve, open_page, scheme):
    """At least 4.5 to 1 (WCAG 2.2 AA)."""
    page = open_page(serve(sit(run)), scheme=scheme)
    page.locator("#reasons li").first.wait_for()
    assert page.evaluate(CONTRAST) >= 4.5
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 18, 20)"
    assert dark == (scheme == "dark")


def test_without_a_server_answers_are_saved_as_one_file(run, sit, browser, tmp_path):
    """From disk: answered by keyboard, gone on with after the page was closed, saved, and taken into files."""
    desk = sit(run, "ben")
    (tmp_path / "ben.html").write_text(page_of(desk), encoding="utf-8")
    complaints, context = [], browser.new_context()
    for step in range(2):
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto((tmp_path / "ben.html").as_uri())
        counted(page, rf"{2 * step} of \d+ judged")
        page.locator("#map").wait_for()
        for number, key in enumerate("121", 2 * step + 1):
            page.keyboard.press(key)
            counted(page, rf"{number} of \d+ judged")
        page.keyboard.press("u")
        counted(page, rf"{2 * step + 2} of \d+ judged")
        if step == 0:
            page.close()
    assert page.locator("#save").inner_text() == "Save 4 answers"
    with page.expect_download() as download:
        page.locator("#save").click()
    assert download.value.suggested_filename == "reviews-ben.json"
    download.value.save_as(tmp_path / "saved.json")
    context.close()
    assert complaints == []
    assert take_decisions(tmp_path / "saved.json", desk.folder) == (4, 4)
    opinions = [one["opinion"] for one in desk.standings()]
    assert opinions[:5] == ["plausible", "not plausible", "plausible", "not plausible", None]
    assert sit(run, "anna").standings()[0]["others"] == 1


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (320, "dark")])
def test_everybody_can_use_it(run, sit, browser, axe, tmp_path, width, scheme):
    """axe-core finds nothing against WCAG 2.2 AA, before and after an answer."""
    (tmp_path / "anna.html").write_text(page_of(sit(run)), encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto((tmp_path / "anna.html").as_uri())
    counted(page, r"0 of \d+ judged")
    before = axe(page)
    page.keyboard.press("3")
    page.locator("#save").wait_for()
    after = axe(page)
    context.close()
    assert (before, after) == ([], [])


def test_two_people_at_once_see_each_other_after_their_own_answer(run, sit, serve, open_page):
    """Each on a server of their own, over the same folder."""
    anna, ben = open_page(serve(sit(run))), open_page(serve(sit(run, "ben")))
    anna.keyboard.press("1")
    counted(anna, r"1 of \d+ judged")
    counted(ben, r"0 of \d+ judged")
    ben.keyboard.press("2")
    counted(ben, r"1 of \d+ judged")
    ben.keyboard.press("ArrowLeft")
    ben.locator("#others").filter(has_text="anna: plausible").wait_for()
