"""What a run makes of a clock that is wrong, or was. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

# Clocks are set right by seconds, after a failed battery by years; in between are time
# zones taken for others, by a day at most.
SET_BACK = timedelta(days=2)
# No schedule pauses for longer: it was the clock, or it does not matter any more when
# exactly things are asked for again.
LONG_PAUSE = timedelta(days=366)


def moment_after(moment: datetime, last: datetime | None) -> datetime:
    """Return the moment of a run whose clock says *moment*, after one at *last*.

    A clock that was set back a little must not make what is seen now older than what
    was seen before.
    """
    if last is not None and moment < last <= moment + SET_BACK:
        return last + timedelta(microseconds=1)
    return moment


def is_jump(moment: datetime, last: datetime) -> bool:
    """Tell whether a clock jumped so far that no due moment means anything any more."""
    return moment > last + LONG_PAUSE or moment < last - SET_BACK
