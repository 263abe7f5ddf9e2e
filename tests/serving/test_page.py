"""The page in Chromium, over a real server: what a person sees, and what the browser was made to do."""

import csv
import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import pytest

from groupwise.inference.text import answer_header
from groupwise.recipe.aim import Aim
from groupwise.runs.baselines import MEASURES, NAMES
from groupwise.serving import intake
from groupwise.serving.app import STATIC
from groupwise.serving.watching import Watch
from serving_case import FakePredictor, picture

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: the page is untested"
)
expect = sync_api.expect
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: the page is untested")

FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
HOSTILE = '<img src=x onerror="window.hacked=1">'
TOKEN = "correct-horse-battery"


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *FAKE_CAMERA])
        yield browser
        browser.close()


@contextmanager
def opened(browser, server, path="/", **options):
    """The page, which must ask nothing of other servers, break no policy and raise no error."""
    context = browser.new_context(**options)
    page = context.new_page()
    asked, trouble = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda m: trouble.append(m.text) if "Content Security Policy" in m.text else None)
    page.goto(server.url + path)
    expect(page).to_have_title(re.compile("·"))
    expect(page.locator("#promise:not(:empty), #door:not([hidden])")).to_have_count(1)  # what it asked first
    yield page
    assert not trouble
    assert [url for url in asked if not url.startswith((server.url, f"blob:{server.url}"))] == []
    assert page.evaluate("window.hacked") is None
    context.close()


def file(name="cat.png", level=200, size=(20, 20)):
    return {"name": name, "mimeType": "image/png", "buffer": picture(level, size)}


def give(page, *files):
    page.set_input_files("#files", list(files))
    expect(page.locator(".card[aria-busy=false]")).to_have_count(len(files), timeout=20_000)


def saved(page, file):
    """The rows of the CSV file that the page saves."""
    with page.expect_download() as download:
        page.locator("#csv").click()
    download.value.save_as(file)
    with file.open(newline="", encoding="utf-8-sig") as text:
        return list(csv.DictReader(text))


def red_share(page):
    """How much redder than blue the first picture is, on average, in levels."""
    return page.evaluate(
        """() => {
          const canvas = document.querySelector('.shown');
          const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          let sum = 0;
          for (let i = 0; i < data.length; i += 4) sum += data[i] - data[i + 2];
          return 4 * sum / data.length;
        }"""
    )


def test_a_picture_is_answered_with_bars(browser, server):
    with opened(browser, server) as page:
        give(page, file(level=204))
        card = page.locator(".card")
        assert card.locator("h3").inner_text() == "light"
        assert card.locator(".figure").inner_text() == "80.0\u202f%"
        assert card.locator(".name").all_inner_texts() == ["light", "dark"]
        assert "any of these: light, dark" in card.locator(".set").inner_text()
        widths = [box["width"] for box in (bar.bounding_box() for bar in card.locator(".bar i").all())]
        assert widths[0] == pytest.approx(4 * widths[1], rel=0.02)
        assert card.locator(".cautions li").count() == 0
        assert page.locator("#live").inner_text() == "cat.png: light, 80.0\u202f%."


def test_doubt_is_said_in_words(browser, server):
    with opened(browser, server) as page:
        give(page, file(level=140))  # 55 %: abstain
        assert page.locator("h3").first.inner_text() == "Not sure enough to answer"
        assert "Leave this one to a person" in page.locator(".cautions").inner_text()
        assert "Leave this one to a person" in page.locator("#live").inner_text()
        page.locator("#clear").click()
        give(page, file(level=254))  # unlike
        assert page.locator("h3").first.inner_text() == "light"
        assert "Do not rely on the answer" in page.locator(".cautions").inner_text()
        assert page.locator(".figure").inner_text() == "99.6\u202f%"


@pytest.mark.parametrize(
    ("standing", "shown", "words"),
    [
        (
            "loses",
            True,
            "This network loses to a trivial one: on the same test images always answering “free”",
        ),
        ("not_shown", True, "This network is not shown to beat a trivial one"),
        ("beats", False, "The best of the trivial models, always answering “free”, has 69"),
    ],
)
def test_a_network_that_does_not_beat_its_baseline_is_told_so_first(browser, serve, standing, shown, words):
    lead = {"value": -0.4, "low": -0.5, "high": -0.3, "reason": None}
    beside = {"name": "largest_class", "answer": "free", "measure": "accuracy", "standing": standing}
    beside |= {"value": 0.69, "network": 0.28, "lead": lead}
    predictor = FakePredictor()
    predictor.facts = {"source": {"baseline": {"test": beside}, "optimised_for": "balanced"}}
    with serve(predictor) as server, opened(browser, server) as page:
        first = page.locator("#baseline" if shown else "#promise")
        expect(first).to_contain_text(words)
        assert page.locator("#baseline").is_visible() is shown
        expect(page.locator("#promise")).to_contain_text("optimised for balanced accuracy")
        if shown:
            assert first.bounding_box()["y"] < page.locator("#promise").bounding_box()["y"]


def test_labels_of_their_own_are_told_as_such(browser, serve):
    class Several(FakePredictor):
        def answer_images(self, images):
            answers = super().answer_images(images)
            for one in answers:
                one.fields |= {
                    "label": "|dark|light|",
                    "decided": "|dark|light|",
                    "labels": ["light", "dark"],
                }
                one.fields |= {"probabilities": {"dark": 0.6, "light": 0.8}, "probability": 0.8}
                one.fields |= {"prediction_set": ["light", "dark"], "abstain": None}
            return answers

    predictor = Several()
    predictor.facts = {
        "source": {
            "optimised_for": "average_precision",
            "average_precision": {"test": {"value": 0.63, "low": 0.51, "high": 0.74, "n": 40, "sources": 20}},
        },
        "decision": {"label_sets": {"thresholds": [0.5, 0.5], "alpha": 0.1}},
    }
    with serve(predictor) as server, opened(browser, server) as page:
        promise = page.locator("#promise")
        expect(promise).to_contain_text(
            "On 40 test images from 20 sources its mean average precision is 63.0"
        )
        expect(promise).to_contain_text("It was optimised for the mean average precision.")
        give(page, file())
        assert page.locator(".card h3").inner_text() == "light, dark"
        assert page.locator(".card .unit").inner_text() == "light, the most probable of 2 labels"
        expect(page.locator("#certainty")).to_contain_text("has a probability of its own")


def test_the_heat_map_lies_over_the_picture_as_strongly_as_one_likes(browser, server):
    with opened(browser, server) as page:
        give(page, file(level=204))
        before = red_share(page)
        page.locator(".look").click()
        slider = page.locator(".mix input")
        slider.wait_for()
        assert slider.evaluate("element => element === document.activeElement")
        shown = red_share(page)
        assert before == 0
        assert shown > 30
        page.keyboard.press("End")
        assert red_share(page) > 1.4 * shown
        page.keyboard.press("Home")
        assert red_share(page) == 0
        assert "what spoke for light" in page.locator(".shown").get_attribute("aria-label")


def test_the_operating_point_is_explained(browser, serve):
    class Called(FakePredictor):
        def answer_images(self, images):
            answers = super().answer_images(images)
            for answer in answers:
                answer.fields["decided"] = (
                    "light" if answer.fields["probabilities"]["light"] > 0.276 else "dark"
                )
            return answers

    predictor = Called()
    point = {"positive_class": "light", "promised_sensitivity": 0.95, "threshold": 0.276}
    predictor.facts = {"decision": {"operating_point": point}}
    with serve(predictor) as server, opened(browser, server) as page:
        told = "“light” is said from 27.6\u202f% on, so that at least 95\u202f% of its pictures are found."
        expect(page.locator("#point")).to_have_text(told)
        give(page, file(level=102), file(level=51))  # 40 % and 20 %
        words = page.locator(".set").all_inner_texts()
        assert (
            sum("By the operating point (“light” from 27.6\u202f% on): light." in text for text in words) == 1
        )
        page.locator("[data-language=zh]").click()
        assert "概率达到 27.6\u202f% 即判为“light”" in page.locator("#point").inner_text()
        assert "按判定点（达到 27.6\u202f% 即为“light”）：light。" in page.locator("#cards").inner_text()


class Costly(FakePredictor):
    """Decides for the last class, however improbable, as costs may."""

    def answer_images(self, images):
        answers = super().answer_images(images)
        for answer in answers:
            answer.fields["decided"] = self.classes[-1]
        return answers


def test_costs_that_decide_are_named(browser, serve):
    with serve(Costly()) as server, opened(browser, server) as page:
        give(page, file(level=51))
        assert "By what each wrong answer costs: light." in page.locator(".set").inner_text()
        page.locator("[data-language=zh]").click()
        assert "按各类错误的代价：light。" in page.locator(".set").inner_text()
        page.locator("#clear").click()
        give(page, file(level=204))  # the most probable one is decided for
        assert "代价" not in page.locator(".set").inner_text()


@pytest.mark.parametrize(
    ("share", "words"), [(0.95, "95"), (0.975, "97.5"), (0.995, "99.5"), (0.97826, "97.8"), (0.9996, "99.9")]
)
def test_no_more_is_promised_than_is_meant(browser, serve, share, words):
    predictor = FakePredictor()
    point = {"positive_class": "light", "promised_sensitivity": share, "threshold": 0.276}
    predictor.facts = {
        "decision": {"operating_point": point, "conformal": {"alpha": 1 - share, "threshold": 0.3}}
    }
    with serve(predictor) as server, opened(browser, server) as page:
        expect(page.locator("#point")).to_contain_text(f"at least {words}\u202f% of its pictures")
        give(page, file(level=140))
        assert f"in at least {words}\u202f% of cases" in page.locator(".set").inner_text()


def test_the_labels_that_are_missed_at_most_are_rounded_up(browser, server):
    with opened(browser, server) as page:
        told = page.evaluate(
            "async (shares) => shares.map((await import('./static/words.js')).atMost)",
            [0.004, 1 - 0.975, 0.05, 0.0213],
        )
    assert told == [f"{text}\u202f%" for text in ("0.4", "2.5", "5", "2.2")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (picture()[:60], "文件不完整"),
        (b"%PDF-1.7\n", "不是图片"),
        (b"\0" * 9, "不是图片"),
        (b"", "文件是空的"),
    ],
)
def test_a_refusal_keeps_its_reason_in_chinese(browser, server, content, words):
    with opened(browser, server, locale="zh-CN") as page:
        give(page, file("bad.png") | {"buffer": content})
        assert words in page.locator(".failed .unit").inner_text()


def test_the_heat_map_is_taken_away_again(browser, server):
    with opened(browser, server) as page:
        give(page, file(level=204))
        button = page.locator(".look")
        button.click()
        page.locator(".mix input").wait_for()
        assert (red_share(page) > 30, button.inner_text()) == (True, "Show the picture alone")
        button.click()
        expect(page.locator(".mix")).to_be_hidden()
        assert (red_share(page), button.inner_text()) == (0, "Show what it looked at")
        assert page.locator(".shown").get_attribute("aria-label") == "cat.png"
        button.click()
        page.locator(".mix input").wait_for()
        assert red_share(page) > 30


@pytest.mark.parametrize(
    ("method", "scale", "words"),
    [("class activation map", 1, "class activation map"), ("occlusion", 1, "with this place hidden"),
     ("occlusion", 0.01, "stayed as probable")],
)  # fmt: skip
def test_it_says_how_the_heat_was_made(browser, serve, method, scale, words):
    class Hot(FakePredictor):
        def heat_maps(self, images, class_numbers):
            return super().heat_maps(images, class_numbers) * scale

    predictor = Hot()
    predictor.heat_method = method
    with serve(predictor) as server, opened(browser, server) as page:
        give(page, file())
        page.locator(".look").click()
        expect(page.locator(".how")).to_contain_text(words)


@pytest.mark.parametrize(("resize", "corner"), [("squash", True), ("crop", False), ("pad", True)])
def test_the_heat_map_covers_what_the_network_saw(browser, serve, resize, corner):
    class Hot(FakePredictor):
        def heat_maps(self, images, class_numbers):
            return super().heat_maps(images, class_numbers) * 0 + 1

    predictor = Hot()
    predictor.preprocessing = type(predictor.preprocessing)(image_size_px=16, resize=resize)
    with serve(predictor) as server, opened(browser, server) as page:
        give(page, file(size=(200, 100)))
        page.locator(".look").click()
        page.locator(".mix input").wait_for()
        pixel = (
            "([x, y]) => [...document.querySelector('.shown').getContext('2d').getImageData(x, y, 1, 1).data]"
        )
        middle, left = page.evaluate(pixel, [100, 50]), page.evaluate(pixel, [2, 50])
        assert middle[0] - middle[2] > 50
        assert (left[0] - left[2] > 50) == corner


def test_several_pictures_keep_their_own_answers_and_go_into_a_csv_file(browser, server, tmp_path):
    levels = {f"{i}.png": (i * 37) % 256 for i in range(30)} | {"=cmd,1.png": 99}
    with opened(browser, server) as page:
        give(page, *(file(name, level) for name, level in levels.items()), file("bad.png") | {"buffer": b"x"})
        table = {row["path"]: row for row in saved(page, tmp_path / "answers.csv")}
    assert list(table["0.png"]) == ["path", *answer_header(["dark", "light"]), "error"]
    assert table.pop("bad.png")["error"]
    assert table.pop("'=cmd,1.png")["predicted"] == "dark"  # no formula for a spreadsheet to run
    assert len(table) == 30
    for name, row in table.items():
        assert float(row["prob_light"]) == pytest.approx(levels[name] / 255, abs=1e-9)
        assert row["predicted"] == ("light" if levels[name] > 127 else "dark")


def test_classes_of_signs_and_digits_stay_so_and_formulas_do_not_run(browser, serve, tmp_path):
    """As `predict --csv` writes the former; the latter may come with a bundle from elsewhere."""
    with serve(FakePredictor(("-1", "+1"))) as server, opened(browser, server) as page:
        give(page, file("a.png", 204))
        (row,) = saved(page, tmp_path / "signs.csv")
        assert (row["predicted"], row["decided"], row["set"]) == ("+1", "+1", "+1|-1")
        assert float(row["prob_+1"]) == pytest.approx(0.8)
    with serve(FakePredictor(("dark", "=cmd|' /c'!A1"))) as server, opened(browser, server) as page:
        give(page, file("a.png", 204))
        assert saved(page, tmp_path / "formula.csv")[0]["predicted"] == "'=cmd|' /c'!A1"


def test_a_case_says_whether_any_of_its_pictures_is_unlike_as_each_of_them_does(browser, server, tmp_path):
    with opened(browser, server) as page:
        page.locator("#case").check()
        page.set_input_files("#files", [file("a.png", 204), file("b.png", 254), file("c.png", 254)])
        expect(page.locator(".card[aria-busy=false]")).to_have_count(4, timeout=20_000)
        rows = saved(page, tmp_path / "case.csv")
    assert [row["unlike"] for row in rows] == ["true", "false", "true", "true"]


def test_an_open_page_goes_over_to_the_model_that_the_server_took(browser, serve, tmp_path):
    other = FakePredictor(("night", "dusk", "day"))
    other.facts = {"source": {"run": "second"}}
    bundle = tmp_path / "bundle.json"
    bundle.write_text("{}")
    watch = Watch(tmp_path, lambda: other, lambda words: None, poll_s=0.02)
    with serve(watch=watch) as server, opened(browser, server) as page:
        give(page, file("before.png", 204))
        expect(page.locator("#promise")).to_contain_text("2 classes")
        bundle.write_text('{"another": 1}')
        page.wait_for_function("fetch('v1/model').then((r) => r.json()).then((m) => m.classes.length === 3)")
        page.set_input_files("#files", [file("after.png", 204)])
        expect(page.locator(".card[aria-busy=false]")).to_have_count(2)
        expect(page.locator("#promise")).to_contain_text("3 classes")
        after, before = saved(page, tmp_path / "answers.csv")
    assert [name for name in after if name.startswith("prob_")] == [
        *("prob_night", "prob_dusk", "prob_day", "prob_dark", "prob_light")
    ]
    assert (after["predicted"], float(after["prob_day"]), after["prob_light"]) == ("day", 0.8, "")
    assert (before["predicted"], float(before["prob_light"]), before["prob_day"]) == ("light", 0.8, "")


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"no picture at all", "The file holds text"), (picture()[:60], "The file ends before the image does"),
     (b"\0" * 100_001, "larger than 0.1 MB"), (b"", "The file is empty")],
)  # fmt: skip
def test_a_bad_file_is_explained_and_the_others_are_answered(browser, serve, monkeypatch, content, words):
    monkeypatch.setattr(intake, "MAX_BODY_BYTES", 100_000)
    with serve() as server, opened(browser, server) as page:
        give(page, file("bad.png") | {"buffer": content}, file("good.png"))
        assert page.locator(".failed h3").inner_text() == "No answer"
        assert words in page.locator(".failed .unit").inner_text()
        assert page.locator(".card:not(.failed) h3").inner_text() == "light"


def test_hostile_names_stay_text(browser, serve):
    classes = (HOSTILE, "</li><script>window.hacked=1</script>", "{n} & $& %s", "‮evil")
    with serve(FakePredictor(classes)) as server, opened(browser, server) as page:
        give(page, file(f"{HOSTILE}.png", level=60), file("$&.png", level=255))
        page.wait_for_timeout(200)
        assert page.locator(".card img, .card script").count() == 0
        assert HOSTILE in page.locator(".card .name").all_inner_texts()
        assert page.locator(".file").first.inner_text() == f"{HOSTILE}.png"
        assert HOSTILE in page.locator(".set").first.inner_text()


def test_many_classes_are_folded(browser, serve):
    with serve(FakePredictor([f"class {i}" for i in range(1000)])) as server, opened(browser, server) as page:
        give(page, file())
        assert page.locator(".said > .bars li").count() == 5
        assert page.locator("summary").inner_text() == "995 more classes"
        assert not page.locator("details .bars").is_visible()
        page.locator("summary").click()
        assert page.locator("details .bars li").count() == 995


def test_the_token_is_asked_for_and_opens(browser, serve):
    with serve(token=TOKEN) as server, opened(browser, server) as page:
        page.locator("#door").wait_for()
        page.fill("#token", "a wrong one, and long")
        page.keyboard.press("Enter")
        expect(page.locator("#live")).to_contain_text("not the token")
        page.fill("#token", TOKEN)
        page.keyboard.press("Enter")
        page.locator("#door").wait_for(state="hidden")
        give(page, file())
        assert page.locator("h3").inner_text() == "light"
        page.reload()  # it is kept as long as the tab is
        expect(page.locator("#promise")).to_contain_text("2 classes")


def test_the_token_may_come_in_the_address_and_leaves_it(browser, serve):
    with serve(token=TOKEN) as server, opened(browser, server, f"/#token={TOKEN}") as page:
        expect(page.locator("#promise")).to_contain_text("2 classes")
        assert TOKEN not in page.url


def test_it_speaks_the_language_of_the_browser_and_the_one_chosen(browser, server):
    with opened(browser, server, locale="zh-CN") as page:
        assert page.locator("h1").inner_text() == "图片里是什么？"
        assert page.evaluate("document.documentElement.lang") == "zh-Hans"
        give(page, file(level=140), file("bad.png") | {"buffer": b"x"})
        assert "把握不足" in page.locator(".card:not(.failed) h3").inner_text()
        assert page.locator(".failed .unit").inner_text() == "这个文件不是图片。"
        page.locator("[data-language=en]").click()
        assert page.locator("h1").inner_text() == "What is in the picture?"
        assert page.locator(".card:not(.failed) h3").inner_text() == "Not sure enough to answer"
        page.reload()
        assert page.locator("h1").inner_text() == "What is in the picture?"


def test_both_languages_say_the_same_things():
    text = STATIC.joinpath("words.js").read_text()
    english, chinese = re.findall(r"^  (?:en|zh): \{\n(.*?)^  \}", text, re.M | re.S)
    entry = re.compile(r'^    "?([\w-]+)"?: "(.*)",$', re.M)
    english, chinese = dict(entry.findall(english)), dict(entry.findall(chinese))
    codes = (
        "wrong-content",
        "unsupported-format",
        "heic-unsupported",
        "decompression-bomb",
        "truncated",
        "corrupt",
    )
    from_server = {f"status-{status}" for status in (400, 408, 413, 415, 422, 500, 503)}
    from_server |= {f"code-{code}" for code in codes}
    assert set(chinese) - set(english) == from_server  # in English the server's own words are shown
    assert set(english) <= set(chinese)
    # What the server may say of a model has words: null would stand in the page
    said = {f"optimised-{aim}" for aim in get_args(Aim)}
    said |= {f"measure-{one}" for one in (*MEASURES, "average_precision")}
    said |= {f"baseline-{one}" for one in NAMES}
    assert said <= set(english)
    for name, sentence in english.items():
        assert sorted(re.findall(r"\{\w+\}", sentence)) == sorted(re.findall(r"\{\w+\}", chinese[name])), name


def test_it_works_by_keyboard_alone(browser, server):
    with opened(browser, server) as page:
        page.on("filechooser", lambda chooser: chooser.set_files(file()))
        for _ in range(3):  # two languages, then the pictures
            page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "choose"
        page.keyboard.press("Enter")
        page.locator(".card[aria-busy=false]").wait_for()
        page.locator(".look").focus()
        page.keyboard.press("Enter")
        page.locator(".mix input").wait_for()
        page.locator(".remove").focus()
        page.keyboard.press("Space")
        assert page.locator(".card").count() == 0
        assert page.evaluate("document.activeElement.id") == "choose"


def test_pictures_are_dropped_and_pasted_and_addresses_are_not_fetched(browser, server):
    drop = """([kind, bytes]) => {
      const data = new DataTransfer();
      if (bytes) data.items.add(new File([new Uint8Array(bytes)], 'dropped.png', {type: 'image/png'}));
      else data.setData('text/uri-list', 'http://evil.example/x.png');
      const event = kind === 'paste' ? new ClipboardEvent(kind, {clipboardData: data, bubbles: true})
        : new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true});
      document.querySelector('h1').dispatchEvent(event);
    }"""
    with opened(browser, server) as page:
        page.evaluate(drop, ["drop", None])
        assert "not fetched" in page.locator("#hint").inner_text()
        page.evaluate(drop, ["drop", list(picture())])
        page.evaluate(drop, ["paste", list(picture(40))])
        expect(page.locator(".card[aria-busy=false]")).to_have_count(2)
        assert sorted(page.locator("h3").all_inner_texts()) == ["dark", "light"]


def test_the_camera_gives_a_picture(browser, server):
    with opened(browser, server) as page:
        page.locator("#camera").click()
        video = page.locator("#video")
        while not video.evaluate("element => element.videoWidth"):
            page.wait_for_timeout(50)
        page.locator("#shoot").click()
        expect(page.locator(".card[aria-busy=false] .figure")).to_contain_text("%")
        expect(page.locator("#viewfinder")).to_be_hidden()
        assert video.evaluate("element => element.srcObject") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_by_day_and_night(browser, server, scheme):
    options = {"viewport": {"width": 390, "height": 844}, "color_scheme": scheme, "is_mobile": True}
    with opened(browser, server, **options) as page:
        give(page, file(f"{'long' * 40}.png", level=140))
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        colours = page.evaluate(
            "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
        )
        ink, paper = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours)
        assert (ink > paper) == (scheme == "dark")


def test_a_server_that_stopped_is_named(browser, serve):
    with serve() as server:
        context = browser.new_context()
        page = context.new_page()
        page.goto(server.url)
        expect(page).to_have_title(re.compile("·"))
    give(page, file())
    assert "Is it still running?" in page.locator(".unit").inner_text()
    context.close()


def test_it_wears_the_colours_of_the_report():
    report = Path(STATIC).parents[1] / "report" / "templates" / "style.css"
    palettes = [re.findall(r"--(\w[\w-]*): (#\w+);", f.read_text()) for f in (STATIC / "style.css", report)]
    assert palettes[0] == palettes[1]


def test_pictures_of_one_case_have_one_answer_and_each_its_own(browser, server):
    with opened(browser, server) as page:
        page.get_by_label("show one case").check()
        page.set_input_files("#files", [file("a.png", 204), file("b.png", 51), file("c.png", 254)])
        expect(page.locator(".card[aria-busy=false]")).to_have_count(4, timeout=20_000)
        assert page.locator(".file").all_inner_texts() == ["Case of 3 pictures", "a.png", "b.png", "c.png"]
        case = page.locator(".card").first
        assert case.locator("h3").inner_text() == "light"
        assert case.locator(".figure").inner_text() == "66.5\u202f%"
        assert "1 of 3 pictures are unlike" in case.locator(".cautions").inner_text()
        assert "by the mean of their probabilities" in case.locator(".set").inner_text()
        assert case.locator(".no-preview").inner_text() == "a.png, b.png, c.png"
        assert page.locator("h3").all_inner_texts()[1:] == ["light", "dark", "light"]
        page.locator("#clear").click()
        give(page, file("alone.png"))  # a case of one picture is that picture
        assert page.locator(".file").all_inner_texts() == ["alone.png"]


def test_a_case_with_a_picture_that_cannot_be_read_says_which(browser, server):
    with opened(browser, server, locale="zh-CN") as page:
        page.locator("#case").check()
        broken = {"name": "b.png", "mimeType": "image/png", "buffer": picture()[:60]}
        page.set_input_files("#files", [file("a.png"), broken])
        expect(page.locator(".card[aria-busy=false]")).to_have_count(3, timeout=20_000)
        failed = page.locator(".card.failed .unit").all_inner_texts()
        assert failed == ["b.png：" + failed[1], failed[1]]
        assert page.locator("h3").all_inner_texts()[1] == "light"
