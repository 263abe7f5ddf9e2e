"""The checklist fills in what the run knows, and nothing that it does not know looks answered."""

import re
from typing import get_args

import pytest
import yaml

from figures_case import add_figures
from groupwise.files import read_csv, read_json, write_csv, write_json
from groupwise.report.checklist.answer import State, needs_you
from groupwise.report.checklist.checklist import ITEMS, answer_all
from groupwise.report.methods import methods
from groupwise.report.page import SECTIONS, write_report
from groupwise.report.translation import translated
from groupwise.runs.files import read_run

FILLED, CONFIRM, YOURS = get_args(State)

# No run can know these, whatever lies in it.
HUMAN = (
    "What the study is to find out",
    "Where it was registered",
    "Who paid for it",
    "With which devices and settings",
    "Why these data suit",
    "Which part of the data",
    "Why the truth is decided",
    "Whether the test images were labelled",
    "Where the images come from",
    "Which population",
    "How persons were made unrecognisable",
    "Who agreed to this use",
    "How the true class was decided",
    "Who or what is in the images",
    "Why this kind of model",
    "Where data, code and weights",
    "What it is for",
    "Where it should not be relied on",
    "Whether truth and answer",
    "How much time",
    "How severe",
    "Whether taking the images",
    "Whether its answers are kept",
    "What its use asks of ethics",
)


@pytest.fixture
def answers():
    """State and text of each question of a run."""

    def ask(run):
        return {one.item.question: one.answer for one in answer_all(read_run(run))}

    return ask


def test_of_a_cross_validation_it_says_what_its_networks_know(make_run, answers):
    run = make_run(ledger={"members": ["fold-1", "fold-2"]})
    (run / "history.csv").unlink()
    write_json(run / "environment.json", {"device": "cpu", "threads": 1})
    told = answers(run)
    assert "each of the 2 networks has its time" in find(told, "On which machine").text
    computed = find(told, "How an answer is computed").text
    assert "divided by the temperature of each network, averaged" in computed
    assert "in the decision.json of each network" in computed


def test_the_last_epoch_is_not_called_chosen(make_run, answers):
    assert "none was chosen" in find(answers(make_run(epochs=1)), "How the final network").text


def test_costs_that_were_given_after_the_test_are_told(make_run, answers):
    run = make_run()
    metrics = read_json(run / "metrics.json")
    write_json(run / "metrics.json", metrics | {"val": metrics["test"] | {"cost": {}}})
    assert "test was measured before that" in find(answers(run), "What it puts out").text
    assert "of the least expected cost" in find(answers(run), "How an answer is computed").text


def find(answers, beginning):
    (found,) = [answer for question, answer in answers.items() if question.startswith(beginning)]
    return found


def test_every_item_is_asked_once_and_by_a_guideline():
    assert len({item.question for item in ITEMS}) == len(ITEMS)
    assert all(item.references for item in ITEMS)


def test_an_item_that_a_run_answers_names_its_section_and_no_other():
    for item in ITEMS:
        assert bool(item.where) == (item.rule is not needs_you), item.question
        assert item.where in ("", *SECTIONS), item.question


def test_every_answer_leads_to_a_section_that_is_there(make_run):
    page = write_report(make_run()).read_text(encoding="utf-8")
    leads = re.findall(r'<a class="where" href="#(\w+)">(.*?)</a>', page)
    assert {"division", "found", "ledger", "number"} <= {name for name, _ in leads}
    for name, title in leads:
        assert page.count(f'<div id="{name}">') == 1
        part = page.partition(f'<div id="{name}">')[2]
        assert name == "number" or re.search(r"<h2>(.*?)</h2>", part)[1] == title
    assert "#external" not in page  # no data from elsewhere, so no section to lead to


# What some items ask, in a few words, with the number that the guideline itself gives it. CLAIM: the table of
# Tejani et al., Radiology: Artificial Intelligence 2024, 6(4):e240300. TRIPOD+AI: table 1 of Collins et al.,
# BMJ 2024, 385:e078378. REFORMS: table 1 of Kapoor et al., Science Advances 2024, 10(18):eadk3452. STARD-AI:
# table 2 of Sounderajah et al., Nature Medicine 2025, 31:3283-3289. NeurIPS: the paper checklist, item
# "Experiments compute resources".
NUMBERS = {
    "claim": {
        "Whether the images were collected for it": "5",
        "Which images were eligible": "8",
        "Which part of the data": "10",
        "How persons were made unrecognisable": "11",
        "What became of damaged": "12",
        "With which devices": "13",
        "Why the truth is decided that way": "15",
        "Whether the test images were labelled": "17",
        "How far those who label agree": "18",
        "How images were assigned": "19",
        "At which level": "20",
        "How large the test fold": "21",
        "What the network is": "22",
        "With which software": "23",
        "From which weights": "24",
        "How it was trained": "25",
        "How the final network": "26",
        "Whether several networks": "27",
        "Which figures": "28",
        "How uncertainty": "29",
        "How it bears poorer": "30",
        "What it looks at": "31",
        "How good it is": "32, 37, 38",
        "How it fares on images from elsewhere": "33",
        "Where it was registered": "34, 42",
        "How many cases": "35",
        "Who or what is in the images": "36",
        "What its mistakes": "39",
        "Where it should not": "40",
        "What it is for": "3, 41",
        "Where data, code and weights": "43",
        "Who paid": "44",
    },
    "tripod": {
        "What it is for": "3b, 27b",
        "How many images and sources": "10",
        "What became of damaged": "11",
        "Whether some sites": "12d, 14, 23a, 23b",
        "How an answer is computed": "12g",
        "What was done about unequal": "13",
        "What it puts out": "15",
        "Who agreed": "17",
        "How the folds differ": "20c",
        "What becomes of poor": "27a",
    },
    "reforms": {
        "What the study is": "1b",
        "On which machine": "2c",
        "How the run can be repeated": "2d, 2e",
        "Why these data": "3c",
        "Whether anything but the subject": "6c",
        "How uncertainty": "7b",
        "Why uncertainty": "7c",
    },
    "stard": {
        "What the study is": "4",
        "Who agreed": "6",
        "Which images were eligible": "7",
        "Where the images come": "9, 11",
        "How the true class": "12, 16a, 16c",
        "With which devices": "13, 14",
        "How it was trained": "15b",
        "What it puts out": "15c, 19",
        "Whether truth and answer": "17a, 17b",
        "How large the test fold": "22",
        "Whether some sites": "21, 23",
        "How many cases": "24",
        "Who or what is in the images": "25",
        "How severe": "26a, 26b",
        "How much time": "27",
        "How it fares on images from elsewhere": "29",
        "How good it is": "30, 31",
        "Whether taking the images": "32",
        "What its use asks of ethics": "35",
        "Where data, code and weights": "40a",
        "Whether its answers are kept": "40b",
    },
    "neurips": {"On which machine": "8"},
}


@pytest.mark.parametrize("guideline", NUMBERS)
def test_the_numbers_are_those_of_the_guideline(guideline):
    for beginning, numbers in NUMBERS[guideline].items():
        (item,) = [item for item in ITEMS if item.question.startswith(beginning)]
        assert getattr(item, guideline) == numbers, beginning


def test_every_row_of_stard_ai_but_title_and_abstract_is_asked():
    parts = {15: "abcd", 16: "abc", 17: "ab", 26: "ab", 40: "ab"}
    rows = {f"{number}{part}" for number in range(3, 41) for part in parts.get(number, ("",))}
    assert {number for item in ITEMS for number in item.stard.split(", ") if number} == rows


def test_every_item_of_claim_but_title_and_abstract_is_asked_once():
    asked = [int(number) for item in ITEMS for number in item.claim.split(", ") if number]
    assert sorted(asked) == list(range(3, 45))


def test_the_items_that_a_run_fills_say_what_it_holds(make_run, answers):
    run = make_run(ledger={"peak_memory_bytes": 3 * 2**30})
    write_json(run / "environment.json", {"device": "x86_64", "threads": 2})
    text = {
        beginning: find(answers(run), beginning).text
        for beginning in ("On which", "How large", "How the folds")
    }
    text = {key: value.replace("\N{NO-BREAK SPACE}", " ") for key, value in text.items()}
    assert "2 threads" in text["On which"]
    assert "at most 3.0 GiB of memory" in text["On which"]
    assert text["How large"].startswith("12 images from 4 sources, which leaves an interval of 41.0 points.")
    assert "differs by at most 0.0 points between train and test" in text["How the folds"]


CLUES = ["file size", "camera"]


@pytest.mark.parametrize(
    ("audit", "said"),
    [
        ({}, "The audit: no clue is known to tell the class."),
        (
            {"clues_tested": {"clues": CLUES, "classes": 0, "of": 2}},
            "The audit: too few photographs a class to test whether a clue such as file size tells it.",
        ),
        (
            {"clues_tested": {"clues": CLUES, "classes": 2, "of": 2}},
            "The audit: of file size, camera, none alone tells the class.",
        ),
        (
            {"clues_tested": {"clues": CLUES, "classes": 2, "of": 3}},
            "The audit: of file size, camera, none alone tells the class; 1 class has too few photographs to"
            " be tested.",
        ),
    ],
)
def test_clues_are_called_tested_only_where_they_were(make_run, answers, audit, said):
    run = make_run()
    write_json(run / "findings.json", [])
    write_json(run / "audit.json", audit)
    text = find(answers(run), "Whether anything but the subject").text
    assert text.startswith(said)
    assert translated(f"<p>{said}</p>", "zh")[1] == []


def test_nearly_all_copies_are_not_called_all(make_run, answers):
    run = make_run()
    write_json(run / "findings.json", [])
    write_json(run / "audit.json", {"planted_recall": 0.9996, "planted_recall_interval": [0.981, 1]})
    text = find(answers(run), "Which copies").text.replace("\N{NO-BREAK SPACE}", " ")
    assert "it finds over 99.9 %, so expect at least 98.1 %." in text


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"loss": {"class_weights": "equal", "logit_adjustment": 0.0}}, "Nothing: every image"),
        ({"loss": {"class_weights": "balanced"}}, "Rare classes weighed more in the loss."),
        ({"loss": {"logit_adjustment": 0.5}}, "Logit adjustment of 0.5."),
        ({"training": {"sampling": "balanced"}}, "Rare classes were drawn more often."),
    ],
)
def test_unequal_classes_are_answered_from_the_recipe(make_run, answers, recipe, said):
    run = make_run()
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    assert find(answers(run), "What was done about unequal").text.startswith(said)


def test_what_only_people_know_is_theirs_whatever_the_run_holds(make_run, answers):
    run = make_run()
    write_json(run / "findings.json", [])
    write_json(run / "config.json", {"architecture": "resnext50_32x4d", "temperature": 1.2})
    told = answers(run)
    for beginning in HUMAN:
        answer = find(told, beginning)
        assert answer.state == YOURS
        assert not answer.text


def test_what_is_filled_has_a_value_and_no_request(make_run, answers):
    for answer in answers(make_run()).values():
        if answer.state == FILLED:
            assert answer.text.endswith(".")
            assert not any(word in answer.text for word in ("Say ", "Add ", "Confirm ", "confirm "))
        if answer.state == CONFIRM:
            assert any(
                word in answer.text for word in ("Say ", "Add ", "Confirm ", "confirm ", "Look ", "No ")
            )


def test_values_are_those_of_the_run(make_run, answers):
    told = answers(make_run())
    assert "train 36 from 12 sources, val 12 from 4 sources, test 12 from 4 sources" in find(
        told, "How images were assigned"
    ).text.replace("\N{NO-BREAK SPACE}", " ")
    assert find(told, "How common each class is").text == "Images: cat: 30, dog: 30."
    assert "accuracy 83.3 % (95 % interval 55.0 to 96.0 %)" in find(told, "How good it is").text.replace(
        "\N{NO-BREAK SPACE}", " "
    )
    assert find(told, "How the final network").text.startswith("Epoch 3 of 12, chosen by the fold val.")


def test_epochs_that_could_not_be_chosen_are_no_looks(make_run, answers):
    run = make_run()
    lines = (run / "history.csv").read_text().splitlines()
    late = [f"{line},{number > 10}" for number, line in enumerate(lines[1:], start=1)]
    (run / "history.csv").write_text("\n".join([f"{lines[0]},may_be_chosen", *late]) + "\n")
    assert read_run(run).looks == 2
    told = find(answers(run), "How the final network").text
    assert told.startswith("Epoch 11 of 12, chosen among the last 2 by the fold val.")  # 3 was too early
    words = methods(read_run(run), "en")
    assert "for 12 epochs" in words
    assert "chose the epoch, among the last 2, by accuracy" in words


@pytest.mark.parametrize(
    ("beginning", "spoil"),
    [
        ("Which images were eligible", lambda run: (run / "manifest.csv").unlink()),
        ("What became of damaged", lambda run: (run / "manifest.csv").unlink()),
        ("What its mistakes", lambda run: (run / "predictions.csv").unlink()),
        ("How uncertainty", lambda run: add_figures(run, accuracy={"value": 0.8, "reason": "one source"})),
        ("What a simpler rule", lambda run: add_figures(run, majority=None)),
        ("How images were assigned", lambda run: change_split(run, method=None)),
    ],
)
def test_an_item_whose_source_is_gone_needs_you(make_run, answers, beginning, spoil):
    run = make_run()
    assert find(answers(run), beginning).state != YOURS
    spoil(run)
    assert find(answers(run), beginning).state == YOURS


def test_what_a_list_left_out_is_not_called_no_image(make_run, answers):
    run = make_run()
    file = run / "manifest.csv"
    rows = read_csv(file, ("path", "status", "reason"))
    rows[0] |= {"status": "ignored", "reason": "excluded: left out by list.csv"}
    rows[1] |= {"status": "ignored", "reason": "not-an-image: text"}
    write_csv(file, list(rows[0]), [tuple(row.values()) for row in rows])
    text = find(answers(run), "Which images were eligible").text
    assert "found, left out by a list: 1; no images: 1; could not be used: 0;" in text


def change_split(run, **facts):
    write_json(run / "split.json", read_json(run / "split.json") | facts)


def test_bare_runs_leave_what_they_lack_to_people(make_run, answers):
    told = answers(make_run())
    for beginning in (
        "Which copies",  # no audit
        "Whether anything but the subject",
        "What the network is",  # no config.json
        "With which software",
        "Whether some sites",
        "How it bears poorer images",
        "What it looks at",
        "Whether its probabilities",
    ):
        assert find(told, beginning).state == YOURS


def test_the_level_of_the_split_is_claimed_only_where_it_is_known(make_run, answers):
    level = "At which level"
    assert find(answers(make_run(name="a")), level).state == CONFIRM
    assert find(answers(make_run(name="b", grouped=False)), level).state == YOURS
    torn = find(answers(make_run(name="c", method="random")), level)
    assert torn.state == FILLED
    assert torn.text.startswith("Not disjoint")


def test_an_ensemble_is_not_called_one_network(make_run, answers):
    one = find(answers(make_run(name="a")), "Whether several networks")
    assert one.text == "No: one network answers."
    several = answers(make_run(name="b", ledger={"members": ["r/1", "r/2", "r/3"]}))
    assert find(several, "Whether several networks").text.startswith("Yes: 3 networks, ")


def test_the_threshold_states_what_is_promised(make_run, answers):
    run = make_run()
    point = {"class": "cat", "target_sensitivity": 0.95, "promised_sensitivity": 0.8, "threshold": 0.3}
    add_figures(run, operating_point=point)
    text = find(answers(run), "What it puts out").text.replace("\N{NO-BREAK SPACE}", " ")
    assert "from 0.300 on, which at least 80.0 % of its images reach (95.0 % was wanted)" in text
    assert text.endswith("otherwise the most probable of the others.")
    add_figures(run, operating_point=point | {"promised_sensitivity": 0.95})
    assert "wanted" not in find(answers(run), "What it puts out").text


def test_robustness_and_slices_fill_their_items(make_run, answers, probed):
    told = answers(probed(make_run()))
    assert find(told, "How it bears").state == FILLED
    assert find(told, "Whether some sites").state == CONFIRM
    assert "site" in find(told, "Whether some sites").text


@pytest.mark.usefixtures("plain_figures")
def test_the_page_counts_states_and_marks_what_is_blank(make_run, parse, answers):
    run = make_run()
    states = [answer.state for answer in answers(run).values()]
    page = parse(write_report(run))
    expected = (
        f"Of {len(ITEMS)} items {states.count(FILLED)} are filled by the software,"
        f" {states.count(CONFIRM)} are prefilled and ask to be confirmed, and {states.count(YOURS)} need you."
    )
    assert expected in page.text
    assert page.text.count("to be filled in") == states.count(YOURS)
