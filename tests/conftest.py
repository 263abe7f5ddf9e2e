import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread():
    # The workers of a test run share the cores; more threads than cores only get in one another's way.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
