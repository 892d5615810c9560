import numpy as np
import pytest

from fewslice.evaluation.memory import peak_memory


@pytest.mark.slow
def test_the_peak_is_seen_also_after_it_is_freed() -> None:
    with peak_memory() as peak:
        block = np.ones(40_000_000, dtype=np.uint8)
        total = sum(int(block.sum()) for _ in range(10))
        del block
    assert total == 400_000_000
    assert 35 < peak.megabytes < 100


@pytest.mark.slow
def test_doing_nothing_needs_nothing() -> None:
    with peak_memory() as peak:
        pass
    assert 0 <= peak.megabytes < 20


@pytest.mark.slow
def test_an_error_passes_and_ends_the_watching() -> None:
    from threading import enumerate as threads

    with pytest.raises(ZeroDivisionError), peak_memory():
        raise ZeroDivisionError
    assert "fewslice-peak-memory" not in {thread.name for thread in threads()}
