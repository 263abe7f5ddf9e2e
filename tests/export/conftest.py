import pytest

from groupwise.export.targets import export_run
from run_case import write_run


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("exported"))


@pytest.fixture(scope="session")
def bundle(run):
    return export_run(run.folder, "bundle")[0]
