"""Answers a run's pictures by docs/deploy/client.html in Chromium, and compares with the product's answers.

    npm install --prefix WEB onnxruntime-web
    python benchmarks/browser_client.py RUN --web WEB/node_modules/onnxruntime-web/dist [--pictures 100]

Chromium decodes the files and the exported model scales them. For the table of shortcuts it also scales by
`drawImage` to the network's size, which is what many pages do. Ends with status 1 where a label differs.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from groupwise.export.bundle import Terms
from groupwise.export.material import read_material
from groupwise.export.targets import export_run
from groupwise.inference.predictor import load_run
from groupwise.runs.run import Run

CLIENT = Path(__file__).parents[1] / "docs/deploy/client.html"
RUNTIME = ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
ASK = "async (url) => classify(await (await fetch(url)).blob())"
# The same page, with the picture scaled by the canvas before the model sees it.
SHRUNK = """async ([url, size]) => {
  const bitmap = await createImageBitmap(await (await fetch(url)).blob());
  const canvas = new OffscreenCanvas(size, size);
  canvas.getContext("2d").drawImage(bitmap, 0, 0, size, size);
  return classify(await canvas.convertToBlob({ type: "image/png" }));
}"""


def main() -> None:
    """Serve the client and the pictures, ask for each, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--web", type=Path, required=True, help="the folder dist of onnxruntime-web")
    parser.add_argument("--pictures", type=int, default=100)
    arguments = parser.parse_args()
    run, predictor = Run.open(arguments.run), load_run(arguments.run)
    shown = read_material(run).spread(arguments.pictures)
    files = [shown.root / path for path in shown.paths]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "client"
        export_run(arguments.run, "onnx", folder, terms=Terms(with_preprocessing=True))
        shutil.copy(CLIENT, folder)
        for name in RUNTIME:
            shutil.copy(arguments.web / name, folder)
        for number, file in enumerate(files):
            shutil.copy(file, folder / f"{number}.picture")
        with_model, shrunk = ask(folder, len(files), predictor.preprocessing.image_size_px)
    answers = [one.answer for one in predictor.predict(files)]
    for way, found in (("the model scales", with_model), ("the canvas scales", shrunk)):
        same = sum(one["label"] == answer.label for one, answer in zip(found, answers, strict=True))
        apart = [
            abs(one["probability"] - answer.probabilities[one["label"]])
            for one, answer in zip(found, answers, strict=True)
        ]
        mean = np.mean([one["probability"] for one in found])
        print(
            f"{way}: {same} of {len(files)} labels equal, a probability off by {max(apart):.2g} at most and"
            f" {np.mean(apart):.2g} in the mean, mean probability {mean:.3f}"
            f" (ours {np.mean([answer.probability for answer in answers]):.3f})"
        )
    sys.exit(any(one["label"] != answer.label for one, answer in zip(with_model, answers, strict=True)))


def ask(folder: Path, n: int, size: int) -> tuple[list[Any], list[Any]]:
    """The client's answers to `n` pictures, as they are and shrunk by the canvas."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/{CLIENT.name}")
        print(f"Chromium {browser.version}, onnxruntime-web {page.evaluate('ort.env.versions.web')}")
        found = [page.evaluate(ASK, f"{number}.picture") for number in range(n)]
        shrunk = [page.evaluate(SHRUNK, [f"{number}.picture", size]) for number in range(n)]
        browser.close()
    server.shutdown()
    return found, shrunk


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, without a line for each."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


if __name__ == "__main__":
    main()
