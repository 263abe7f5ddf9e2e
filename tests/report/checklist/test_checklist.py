"""The checklist fills in what the run knows, and nothing that it does not know looks answered."""

from typing import get_args

import pytest

from groupwise.files import read_json, write_json
from groupwise.report.checklist.answer import State
from groupwise.report.checklist.checklist import ITEMS, answer_all
from groupwise.report.page import write_report
from groupwise.runs.files import read_run

FILLED, CONFIRM, YOURS = get_args(State)

# No run can know these, whatever lies in it.
HUMAN = (
    "Where the images come from",
    "Which population",
    "How persons were made unrecognisable",
    "Who agreed to this use",
    "How the true class was decided",
    "Who or what is in the images",
    "Why this kind of model",
    "Where data, code and weights",
    "How it fares on images from elsewhere",
    "What it is for",
    "Where it should not be relied on",
)


@pytest.fixture
def answers():
    """State and text of each question of a run."""

    def ask(run):
        return {one.item.question: one.answer for one in answer_all(read_run(run))}

    return ask


def find(answers, beginning):
    (found,) = [answer for question, answer in answers.items() if question.startswith(beginning)]
    return found


def test_every_item_is_asked_once_and_by_a_guideline():
    assert len({item.question for item in ITEMS}) == len(ITEMS)
    assert all(item.references for item in ITEMS)
    claim = "; ".join(item.claim for item in ITEMS)
    assert all(number in claim for number in ("20", "21", "26", "29", "30", "32", "36"))


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


@pytest.mark.parametrize(
    ("beginning", "spoil"),
    [
        ("Which images were eligible", lambda run: (run / "manifest.csv").unlink()),
        ("What became of damaged", lambda run: (run / "manifest.csv").unlink()),
        ("What its mistakes", lambda run: (run / "predictions.csv").unlink()),
        ("How uncertainty", lambda run: change(run, accuracy={"value": 0.8, "reason": "one source"})),
        ("What a simpler rule", lambda run: change(run, majority=None)),
        ("How images were assigned", lambda run: change_split(run, method=None)),
    ],
)
def test_an_item_whose_source_is_gone_needs_you(make_run, answers, beginning, spoil):
    run = make_run()
    assert find(answers(run), beginning).state != YOURS
    spoil(run)
    assert find(answers(run), beginning).state == YOURS


def change(run, **figures):
    metrics = read_json(run / "metrics.json")
    metrics["test"] |= figures
    write_json(run / "metrics.json", metrics)


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
    change(run, operating_point=point)
    text = find(answers(run), "What it puts out").text.replace("\N{NO-BREAK SPACE}", " ")
    assert "from 0.300 on, which at least 80.0 % of its images reach (95.0 % was wanted)" in text
    change(run, operating_point=point | {"promised_sensitivity": 0.95})
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
