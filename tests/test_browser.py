"""The page in a real browser: ask, click, pick, lock, redraw, undo, keep, picture, link."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from poetry_vae.web.studio import Studio
from tests.served import Client, served
from tests.test_interface import any_form  # noqa: F401
from tests.test_ruled import MODEL

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER),
    reason="no chromium and chromedriver (apt-get install chromium-driver)",
)
_SWITCHES = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-dev-shm-usage --disable-background-networking --disable-component-update "
    "--disable-extensions --lang=zh-CN"
)


class Page:
    """A browser at the page, with the few things that tests do."""

    def __init__(self, driver: Chrome, client: Client) -> None:
        self.driver, self.client = driver, client

    def open(self, hash_: str = "", *, width: int = 1280, is_fresh: bool = True) -> None:
        size = {"width": width, "height": 860, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        if is_fresh:
            origin = {"origin": self.client.url, "storageTypes": "all"}
            self.driver.execute_cdp_cmd("Storage.clearDataForOrigin", origin)
        self.driver.get("about:blank")
        self.driver.get(self.client.url + hash_)
        self.until(lambda: self.js("return document.body.dataset.ready"))

    def js(self, code: str) -> Any:
        return self.driver.execute_script(code)

    def until(self, is_so: Any) -> Any:
        return WebDriverWait(self.driver, 20, 0.03).until(lambda _: is_so())

    def all(self, css: str) -> list[Any]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css: str) -> Any:
        return self.until(lambda: next((e for e in self.all(css) if e.is_displayed()), None))

    def click(self, css: str) -> None:
        self.one(css).click()

    def type(self, css: str, text: str) -> None:
        element = self.one(css)
        if element.tag_name == "select":
            element.find_element(By.CSS_SELECTOR, f"[value={text!r}]").click()
            return
        element.clear()
        element.send_keys(text)

    def text(self, css: str) -> str:
        return str(self.js(f"return document.querySelector({css!r}).textContent"))

    @property
    def poem(self) -> str:
        """The characters on the desk."""
        return str(
            self.js(
                "return [...document.querySelectorAll('#poem .zi')].map(e=>e.textContent).join('')"
            )
        )

    def ask(self, **wishes: str) -> None:
        """Fill some fields and draw one poem with seed 5 unless another is given."""
        self.js("document.querySelector('#ask details').open = true")
        for name, text in {"seed": "5", **wishes}.items():
            self.type(f"#{name}", text)
        self.js("document.getElementById('n').value = '1'")
        self.click("#go")
        self.until(lambda: self.one("#go").is_enabled())

    def changed(self, before: str) -> str:
        """The poem, once it is another one."""
        self.until(lambda: self.poem != before)
        return self.poem


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    options = ChromeOptions()
    options.binary_location = BROWSER or ""
    for switch in (*_SWITCHES.split(), f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with served(MODEL) as client:
        driver = Chrome(options=options, service=ChromeService(DRIVER))
        try:
            yield Page(driver, client)
        finally:
            driver.quit()


@pytest.fixture(autouse=True)
def _no_complaints(page: Page) -> Iterator[None]:
    """Nothing may be written to the browser's console but refusals of the interface."""
    yield
    log = [line["message"] for line in page.driver.get_log("browser")]
    assert [line for line in log if "status of 422" not in line] == []


def test_poems_are_asked_for_and_can_be_had_again(page: Page) -> None:
    page.open()
    page.ask(acrostic="春江")
    drawn = page.client.post("/poems", {"n": 1, "seed": 5, "form": "五绝", "acrostic": "春江"}).json
    assert page.poem == "".join(drawn["poems"][0]["lines"])
    assert "种子 5" in page.text("#desk-about")
    assert len(page.all("#drawn .card")) == 1


def test_a_character_is_picked_and_what_breaks_the_rules_is_said(page: Page) -> None:
    page.open()
    page.ask(metre="strict")
    before = page.poem
    assert "合律" in page.text("#verdict")
    page.click('.char[data-at="2,4"]')
    page.one("#alternatives button")
    tone = page.js("return document.querySelector('[data-at=\"2,4\"] .tone').className")
    for button in page.all("#alternatives button"):
        wanted = "level" if "oblique" in tone else "oblique"
        if button.find_elements(By.CSS_SELECTOR, f".{wanted}"):
            button.click()
            break
    else:
        pytest.skip("the model offers no other tone here")
    after = page.changed(before)
    assert [a == b for a, b in zip(after, before, strict=True)].count(False) == 1
    page.until(lambda: "第二句第四字" in page.text("#faults"))
    assert "fault" in page.one('.char[data-at="2,4"]').get_attribute("class")
    page.click("#undo")
    page.until(lambda: page.poem == before)
    page.click("#redo")
    page.until(lambda: page.poem == after)


def test_what_is_locked_stays_and_lines_and_words_are_redrawn(page: Page) -> None:
    page.open()
    page.ask()
    before = page.poem
    page.click('.char[data-at="1,1"]')
    page.click("#lock-line")
    page.click("#redraw-rest")
    after = page.changed(before)
    assert after[:5] == before[:5]
    page.until(lambda: page.one("#redraw-line").is_enabled())
    page.click('.char[data-at="3,2"]')
    page.click("#redraw-line")
    again = page.changed(after)
    assert again[:10] + again[15:] == after[:10] + after[15:]
    page.until(lambda: page.one("#redraw-word").is_enabled())
    page.click("#redraw-word")
    page.until(lambda: page.one("#redraw-word").is_enabled())
    assert page.poem[:5] == before[:5]
    page.click("#vary")
    page.until(lambda: len(page.all("#drawn .card")) == 3)


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.open()
    page.js("document.getElementById('acrostic').focus()")
    page.driver.switch_to.active_element.send_keys("春江" + Keys.ENTER)
    page.one("#poem .char")
    page.until(lambda: page.one("#go").is_enabled())
    page.js("document.querySelector('#poem .char').focus()")
    for keys in (Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ENTER):
        page.driver.switch_to.active_element.send_keys(keys)
    assert page.js("return document.activeElement.dataset.at") == "2,2"
    page.one("#alternatives button")
    page.driver.switch_to.active_element.send_keys("l")
    page.until(lambda: "locked" in page.one('[data-at="2,2"]').get_attribute("class"))
    page.driver.switch_to.active_element.send_keys("l")
    page.until(lambda: "locked" not in page.one('[data-at="2,2"]').get_attribute("class"))
    before = page.poem
    page.one('#alternatives [aria-pressed="false"]').send_keys(Keys.ENTER)
    page.changed(before)
    page.one('[data-at="2,2"]').send_keys(Keys.CONTROL + "z")
    page.until(lambda: page.poem == before)
    page.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    page.until(lambda: not page.all("#alternatives button"))
    assert page.js("return document.activeElement.dataset.at") == "2,2"


def test_kept_poems_stay_and_go(page: Page) -> None:
    page.open()
    page.ask()
    poem = page.poem
    page.click("#keep")
    page.open(is_fresh=False)
    page.click("#tab-kept")
    page.until(lambda: page.all("#kept-list .line"))
    assert page.text("#kept-count") == "1"
    page.click("#kept-list .open-poem")
    page.until(lambda: page.poem == poem)
    page.click("#tab-kept")
    page.click("#kept-list .drop")
    assert page.one("#kept-empty").is_displayed()


def test_a_link_brings_back_wishes_seed_and_changes(page: Page) -> None:
    page.open()
    page.ask(acrostic="春江", metre="loose")
    poem = page.poem
    page.click("#link")
    link = page.until(lambda: page.js("return location.hash"))
    page.open(link)
    page.until(lambda: page.poem == poem)
    assert page.one("#acrostic").get_attribute("value") == "春江"
    assert page.one("#metre").get_attribute("value") == "loose"
    page.until(lambda: page.one("#go").is_enabled())
    page.click('.char[data-at="3,3"]')
    page.one('#alternatives [aria-pressed="false"]').click()
    changed = page.changed(poem)
    page.click("#link")
    link = page.js("return location.hash")
    page.open(link)
    page.until(lambda: page.poem == changed)


def test_a_picture_is_drawn_in_each_style(page: Page) -> None:
    page.open()
    page.ask()
    page.click("#picture")
    page.type("#author", "李清照")
    seen = set()
    for style in ("paper", "ruled", "ink"):
        page.click(f'#style [value="{style}"]')
        data = page.js("return document.getElementById('canvas').toDataURL()")
        assert len(data) > 5000
        seen.add(data)
    assert len(seen) == 3
    page.click("dialog [value=close]")


def test_how_it_is_shown(page: Page) -> None:
    page.open()
    page.ask(first_line="白日依山盡")
    page.until(lambda: page.poem.startswith("白日依山尽"))
    page.click("#set-script")
    page.until(lambda: page.poem.startswith("白日依山盡"))
    if page.client.post("/metre", {"poem": "山水，花月"}).json["pinyin"]:
        page.click("#set-pinyin")
        page.until(lambda: page.text("#poem .pin") == "bái")
    page.click("#set-vertical")
    first, second = (page.one(f'[data-at="{at}"]').location for at in ("1,1", "2,1"))
    assert first["x"] > second["x"]
    page.click("#set-language")
    assert page.text("#go") == "Write"
    page.until(lambda: "seed 5" in page.text("#desk-about"))
    assert page.js("return document.documentElement.lang") == "en"
    untold = page.js(
        "return [...document.querySelectorAll('label, button')].filter(e => e.offsetParent && "
        "!(e.textContent.trim() || e.ariaLabel)).map(e => e.outerHTML)"
    )
    assert untold == []


def test_from_poem_to_poem(page: Page) -> None:
    page.open()
    page.ask()
    poem = page.poem
    page.click("#as-start")
    page.type("#end", "春江花月夜，山水有清音。白日無人見，東風動客心。")
    page.click("#walk")
    page.one("#way-poem .line")
    page.click("#way-open")
    assert len(page.poem) == len(poem)


def test_an_error_stands_at_its_field(page: Page) -> None:
    page.open()
    page.ask(acrostic="春江花月夜")
    assert page.text("#error-acrostic") == "五绝只有 4 句，放不下"
    assert page.one("#acrostic").get_attribute("aria-invalid") == "true"
    page.ask(acrostic="", seed="x")
    page.until(lambda: page.text("#error-seed") == "请写一个整数")
    assert page.text("#error-acrostic") == ""
    page.click("#tab-reply")
    page.type("#line", "白日，依山")
    page.click("#answer")
    page.until(lambda: page.text("#reply-error-"))


def test_nothing_is_wider_than_a_phone(page: Page) -> None:
    page.open(width=360)
    page.ask()
    page.click('.char[data-at="1,5"]')
    page.one("#alternatives button")
    page.click("#choices-close")
    for setting in ("#set-vertical", "#set-language"):
        assert page.js("return document.documentElement.scrollWidth") <= 360
        page.js(f"document.querySelector({setting!r}).click()")
    lines = page.all("#poem .line")
    assert min(line.rect["x"] for line in lines) >= 0
    assert max(line.rect["x"] + line.rect["width"] for line in lines) <= 360


def test_what_came_from_a_person_is_text(page: Page) -> None:
    page.open("#form=五绝&seed=1&n=1&acrostic=<img src=x onerror=alert(1)>")
    page.until(lambda: page.text("#error-acrostic"))
    assert not page.all("main img")


def test_a_subject_and_a_dynasty_are_asked_for_where_models_take_them(
    page: Page,
    any_form: Any,  # noqa: F811
) -> None:
    page.open()
    assert not page.js("return document.getElementById('about').offsetParent")
    assert Studio(any_form).models()[0]["takes_subject"]
    with served(any_form) as client:
        other = Page(page.driver, client)
        other.open()
        other.js("document.getElementById('form').value = '忆江南'")
        other.js("document.getElementById('dynasty').value = '唐'")
        other.ask(about="春水")
        assert len(other.poem) == 27
        other.click("#link")
        assert "dynasty" in other.js("return location.hash")


def test_any_lengths_of_lines_and_any_tune(page: Page, any_form: Any) -> None:  # noqa: F811
    with served(any_form) as client:
        other = Page(page.driver, client)
        other.open()
        other.ask(free="3，3 5")
        assert len(other.poem) == 11
        other.click("#link")
        link = other.js("return location.hash")
        poem = other.poem
        other.open(link)
        other.until(lambda: other.poem == poem)
        assert other.one("#free").get_attribute("value") == "3,3,5"
        other.until(lambda: other.one("#go").is_enabled())
        other.ask(free="忆江南")
        assert len(other.poem) == 27
        for text, told in (("江南词", "没有这种体裁或词牌"), ("0,5", "须有 1 至 256 句")):
            other.ask(free=text)
            assert other.text("#error-free").startswith(told)
            assert other.text("#error-form") == ""
        other.ask(free="5,5,7,99", acrostic="")
        assert other.text("#error-free")
        other.js("document.getElementById('form').value = '五绝'")
        other.js("document.getElementById('form').dispatchEvent(new Event('change'))")
        other.ask()
        assert len(other.poem) == 20


def test_first_paint_from_a_warm_server(page: Page) -> None:
    page.open()
    page.open()
    painted = page.js("return performance.getEntriesByType('paint').map(e => e.startTime)")
    assert painted
    assert min(painted) < 3000  # some 100 ms on a machine with nothing else to do
