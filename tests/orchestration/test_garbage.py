"""The garbage collector's threshold during syncs."""

from __future__ import annotations

import gc

import pytest

from orchestration.garbage import CONTAINERS, few_collections


def test_the_threshold_is_high_inside_and_as_it_was_after_the_last_sync() -> None:
    before = gc.get_threshold()
    with few_collections():
        assert gc.get_threshold() == (CONTAINERS, *before[1:])
        with few_collections():
            pass
        assert gc.get_threshold()[0] == CONTAINERS, "another sync is still inside"
    assert gc.get_threshold() == before


def test_an_error_restores_it() -> None:
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="broken"), few_collections():
        raise ValueError("broken")
    assert gc.get_threshold() == before
