"""The model card has front matter that a hub can read, the number with its interval, and open questions."""

import pytest
import yaml

from groupwise.report.model_card import OPEN, model_card, plain
from groupwise.runs.files import read_run


def split_card(run):
    card = model_card(read_run(run))
    assert card.startswith("---\n")
    front, _, body = card.removeprefix("---\n").partition("\n---\n")
    return yaml.safe_load(front), body


def test_front_matter_is_what_the_hub_expects(make_run):
    front, _ = split_card(make_run())
    assert front["library_name"] == "groupwise"
    assert front["pipeline_tag"] == "image-classification"
    assert "license" not in front  # only the user knows it
    (model,) = front["model-index"]
    (result,) = model["results"]
    assert result["task"]["type"] == "image-classification"
    assert result["dataset"] == {"name": "pets", "type": "imagefolder", "split": "test"}
    (accuracy,) = result["metrics"]  # macro F1 has no value here
    assert accuracy["type"] == "accuracy"
    assert accuracy["value"] == pytest.approx(10 / 12)
    assert accuracy["args"] == {"interval_95": [0.55, 0.96], "images": 12, "sources": 4}


def test_weights_by_name_are_the_base_model_where_a_hub_has_them(make_run):
    named = {"name": "resnext50_32x4d.a1h_in1k", "licence": "apache-2.0", "sha256": "ab" * 32}
    url = "https://huggingface.co/timm/resnext50_32x4d.a1h_in1k/resolve/main/model.safetensors"
    front, body = split_card(make_run(ledger={"pretrained": named | {"url": url}}))
    assert front["base_model"] == "timm/resnext50_32x4d.a1h_in1k"
    assert "Training began from resnext50\\_32x4d.a1h\\_in1k, licence apache-2.0." in body
    elsewhere = {"pretrained": named | {"url": "https://example.org/timm/model/resolve/x"}}
    front, body = split_card(make_run(name="elsewhere", ledger=elsewhere))
    assert "base_model" not in front
    assert "licence apache-2.0" in body
    front, body = split_card(make_run(name="scratch"))
    assert "base_model" not in front
    assert "Training began" not in body


def test_the_card_says_number_data_limits_and_what_is_open(make_run):
    _, body = split_card(make_run())
    assert "83.3 % were classified correctly" in body
    assert "95 % interval: 55.0 to 96.0 %" in body
    assert "| test | 12 | 4 |" in body
    assert body.count(OPEN) == 2
    assert "It is no diagnosis" in body
    assert "Do not rely" not in body


def test_a_faulty_protocol_is_told_beside_the_number(make_run):
    _, body = split_card(make_run(method="random"))
    assert body.index("Do not rely on this number") < body.index("## Data")


@pytest.mark.parametrize(
    "name", ["a: b", "---", "'", '"x', "<script>alert(1)</script>", "# x", "猴痘", "a\nb", "- *"]
)
def test_hostile_names_are_text_in_both_parts(make_run, name):
    run = make_run(classes=(name, "dog"), ledger={"data": f"/home/me/{name.replace('/', '')}"})
    front, body = split_card(run)
    assert front["model-index"][0]["results"][0]["dataset"]["name"] == name.replace("/", "")
    assert "<script" not in body.replace("\\<", "")
    assert "\n---" not in body
    headings = [line for line in body.splitlines() if line.startswith("#")]
    assert [line.lstrip("# ") for line in headings] == [
        *("run", "Intended use", "How good it is", "Data", "Limits", "How it was made"),
    ]


def test_no_path_of_the_machine_is_published(make_run):
    card = model_card(read_run(make_run(ledger={"data": "/home/somebody/secret/pets"})))
    assert "/home" not in card


def test_signs_of_markdown_are_escaped():
    assert plain("[a](b) *c* `d` <e> | f\n# g") == "\\[a\\](b) \\*c\\* \\`d\\` \\<e\\> \\| f \\# g"
