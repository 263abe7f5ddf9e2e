import io
from pathlib import Path

import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

TESTS = Path(__file__).parent


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    # What commands keep between runs must neither come from nor stay in the home of whoever tests.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _one_thread():
    # The workers of a test run share the cores; more threads than cores only get in one another's way.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True, scope="module")
def _charts_where_they_are_looked_at(request):
    # Most of the time of a tiny training is its report's charts. They are drawn in the tests of `report`, in
    # modules that say LOOKS_AT_CHARTS, and for print; elsewhere an empty one stands in the report.
    if TESTS / "report" in request.path.parents or getattr(request.module, "LOOKS_AT_CHARTS", False):
        yield
        return
    blank = io.BytesIO()
    Image.new("RGB", (96, 48)).save(blank, "png")
    draw = Figure.savefig

    def save(figure, file, **options):
        if options.get("format") != "png":
            return draw(figure, file, **options)
        return file.write(blank.getvalue())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", save)
        patch.setattr(FigureCanvasAgg, "print_png", lambda _, file, **options: file.write(blank.getvalue()))
        yield
