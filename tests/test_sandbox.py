"""Risky work: children that hang, crash or eat memory cost one item each."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import wait
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tasks.sandbox import Failure, Sandbox, run_sandboxed

ROOT = Path(__file__).parent.parent


def run(
    function: Callable[[Any], Any], items: Iterable[Any], **limits: Any
) -> list[Any]:
    """Run with limits that tests can wait for."""
    limits = {"seconds": 20.0, "memory_bytes": 500_000_000, "workers": 2, **limits}
    return list(run_sandboxed(function, items, **limits))


def children() -> list[int]:
    """List the processes that this one has started, dead ones included."""
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        pytest.skip("needs /proc")
    return [
        int(pid)
        for task in tasks.iterdir()
        for pid in (task / "children").read_text().split()
    ]


@pytest.mark.parametrize("count", [0, 1, 7, 1_500])
def test_answers_come_in_the_order_of_the_items(count: int) -> None:
    assert run(abs, range(-count, 0)) == list(range(count, 0, -1))


def test_an_item_that_hangs_is_given_up_and_the_others_are_not() -> None:
    started = time.monotonic()

    answers = run(time.sleep, [0, 60, 0, 0], seconds=1)

    assert answers == [None, Failure("took longer than 1 s"), None, None]
    assert time.monotonic() - started < 10


def test_an_item_that_needs_too_much_memory_is_named_so() -> None:
    answers = run(len, ["small", "x" * 100_000_000, "next"], memory_bytes=150_000_000)

    assert answers == [5, Failure("needed more than 150 MB"), 4]


def test_memory_asked_for_by_the_function_counts() -> None:
    assert run(bytearray, [1, 10**11]) == [
        bytearray(1),
        Failure("needed more than 500 MB"),
    ]


@pytest.mark.parametrize(
    ("function", "item", "how"),
    [
        (signal.raise_signal, 11, "signal 11"),
        (signal.raise_signal, 9, "signal 9"),
        (os._exit, 3, "exit status 3"),
        (os._exit, 0, "exit status 0"),
    ],
)
def test_a_child_that_dies_is_replaced(
    function: Callable[[int], Any], item: int, how: str
) -> None:
    dead = Failure(f"the child process died ({how})")

    assert run(function, [item] * 5) == [dead] * 5


def test_what_waits_for_a_child_that_dies_goes_to_another() -> None:
    dead = Failure("the child process died (signal 9)")

    answers = run(signal.raise_signal, [0, 9, 0, 0, 9, 0], workers=1)

    assert answers == [None, dead, None, None, dead, None]


def test_children_go_on_while_nobody_takes_their_answers() -> None:
    children: Sandbox[int, int] = Sandbox(
        abs, seconds=20, memory_bytes=500_000_000, workers=2
    )
    with children as sandbox:
        answers = [sandbox.begin(number) for number in range(-300, 0)]
        done, late = wait(answers, timeout=20)

    assert not late
    assert {answer.result() for answer in done} == set(range(1, 301))


def test_whoever_waits_is_told_that_no_child_can_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "soon_gone.py"
    module.write_text("def double(number): return 2 * number\n")
    monkeypatch.syspath_prepend(tmp_path)
    function = importlib.import_module("soon_gone").double
    module.unlink()
    shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)

    with Sandbox(function, seconds=20, memory_bytes=500_000_000, workers=2) as sandbox:
        for _ in range(2):
            with pytest.raises(RuntimeError, match="no child process can be started"):
                sandbox.begin(1).result(timeout=20)


def test_an_exception_is_the_fate_of_its_item_alone() -> None:
    bad, good = run(int, ["ten", "10"])

    assert bad.reason == "raised ValueError"
    assert "'ten'" in bad.detail
    assert good == 10


def test_items_and_answers_that_cannot_travel_are_failures() -> None:
    locked, sent = run(len, [threading.Lock(), "abc"])

    assert locked.reason == "cannot be sent to a child process"
    assert sent == 3
    assert run(memoryview, [b"x"])[0].reason == "raised TypeError"


def test_a_function_with_fixed_parameters_can_be_given() -> None:
    assert run(partial(int, base=16), ["ff"]) == [255]


def test_a_function_that_no_process_can_import_is_refused() -> None:
    with pytest.raises(ValueError, match="not a top-level function"):
        run(lambda item: item, [1])


def test_items_are_read_only_a_little_ahead() -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(10_000):
            taken.append(number)
            yield number

    answers = run_sandboxed(
        abs, items(), seconds=20, memory_bytes=500_000_000, workers=2
    )

    assert [next(answers) for _ in range(3)] == [0, 1, 2]
    assert len(taken) < 20
    answers.close()  # type: ignore[attr-defined]


def test_large_items_and_answers_pass() -> None:
    assert [len(answer) for answer in run(bytes, [bytes(20_000_000)] * 3)] == [
        20_000_000
    ] * 3


def test_an_error_of_the_source_is_raised_and_leaves_nothing_behind() -> None:
    before = children()

    def items() -> Iterator[float]:
        yield 60.0
        msg = "disk gone"
        raise OSError(msg)

    with pytest.raises(OSError, match="disk gone"):
        run(time.sleep, items())

    assert children() == before


def test_giving_up_in_the_middle_ends_the_children_at_once() -> None:
    before = children()
    answers = run_sandboxed(
        time.sleep, [0, 60, 60], seconds=90, memory_bytes=500_000_000, workers=2
    )
    next(answers)
    started = time.monotonic()

    answers.close()  # type: ignore[attr-defined]

    assert time.monotonic() - started < 5
    assert children() == before


def test_it_works_in_a_thread_that_is_not_the_main_one() -> None:
    answers: list[object] = []
    thread = threading.Thread(target=lambda: answers.extend(run(abs, [-1, -2])))

    thread.start()
    thread.join()

    assert answers == [1, 2]


SCRIPT = """
import sys, time
from tasks.sandbox import run_sandboxed
print("imported")
for answer in run_sandboxed(
    time.sleep, [0, {seconds}], seconds=60, memory_bytes=10**9, workers=2
):
    print(answer, flush=True)
"""


def start_script(folder: Path, seconds: float) -> subprocess.Popen[str]:
    """Start a program without a `__main__` guard, as people write them."""
    script = folder / "script.py"
    script.write_text(SCRIPT.format(seconds=seconds))
    return subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_plain_script_is_not_run_again_and_nothing_is_printed(tmp_path: Path) -> None:
    with start_script(tmp_path, 0) as script:
        output, errors = script.communicate(timeout=30)

    assert output == "imported\nNone\nNone\n"
    assert errors == ""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_child_outlives_a_program_that_is_interrupted_or_killed(
    tmp_path: Path, how: signal.Signals
) -> None:
    with start_script(tmp_path, 500) as script:
        assert script.stdout is not None
        assert [script.stdout.readline() for _ in range(2)] == ["imported\n", "None\n"]
        family = descendants(script.pid)

        script.send_signal(how)
        _, errors = script.communicate(timeout=60)

    assert len(family) == 3
    assert errors.count("Traceback") == (how == signal.SIGINT)
    deadline = time.monotonic() + 10
    while any(is_running(pid) for pid in family):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def descendants(pid: int) -> list[int]:
    """List a process's children and theirs."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    if not path.exists():
        pytest.skip("needs /proc")
    own = [int(child) for child in path.read_text().split()]
    return own + [grandchild for child in own for grandchild in descendants(child)]


def is_running(pid: int) -> bool:
    """Tell whether a process is there and no zombie of somebody else's."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        )
    except (FileNotFoundError, ProcessLookupError):
        return False
