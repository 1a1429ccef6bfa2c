"""A signal ends a command, whatever its `KeyboardInterrupt` becomes on the way."""

from __future__ import annotations

import os
import signal

import pytest

from flows.stopping import StoppedError, stoppable


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_told_with_its_status(number: signal.Signals) -> None:
    with pytest.raises(StoppedError, match="the next run goes on") as told, stoppable():
        os.kill(os.getpid(), number)
    assert told.value.status == 128 + number


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_library_that_makes_an_error_of_its_own_of_it(number: signal.Signals) -> None:
    """As DuckDB does where it imports `pytz` at that moment."""
    with pytest.raises(StoppedError) as told, stoppable():
        _import_while_stopped(number)
    assert told.value.status == 128 + number


def _import_while_stopped(number: signal.Signals) -> None:
    try:
        os.kill(os.getpid(), number)
    except KeyboardInterrupt as error:
        msg = "Required module 'pytz' failed to import"
        raise RuntimeError(msg) from error


def test_other_errors_stay_what_they_are_and_signals_go_back() -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(ValueError, match="ours"), stoppable():
        int("ours")
    after = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    assert after == before


def test_a_signal_that_somebody_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stoppable():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
