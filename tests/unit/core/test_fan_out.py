"""What a fan-out needs next, case by case."""

import pytest

from incremental_assets.core.fan_out import Attempt, Decision, Ending, FanOutStatus, Part, decide

GOING, WITHOUT, FAILED, CANCELED = Ending.GOING, Ending.WITHOUT, Ending.FAILED, Ending.CANCELED
PLANNED: list[tuple[Part, Ending]] = [("plan", WITHOUT)]


def decided(
    *runs: tuple[Part, Ending],
    done: set[int] | None = None,
    batches: int = 4,
    planned: bool = True,
    refused: bool = False,
    at_once: int = 2,
) -> Decision:
    attempts = [Attempt(part, ending, f"r{n}") for n, (part, ending) in enumerate(runs)]
    progress = FanOutStatus("shop", "X", planned, batches, frozenset(done or ()), refused, attempts)
    return decide(progress, at_once)


def asked(decision: Decision) -> list[Part]:
    return [*decision.batches, *(["apply"] if decision.apply else [])]


@pytest.mark.parametrize(
    ("runs", "facts", "wanted"),
    [
        # While the plan's run goes on nothing is asked for, even if its files are all there.
        ([("plan", GOING)], {"planned": False}, []),
        ([("plan", GOING)], {}, []),
        (PLANNED, {}, [0, 1]),
        (PLANNED, {"at_once": 9}, [0, 1, 2, 3]),
        # The plan's run was killed after its last file.
        ([("plan", FAILED)], {"done": {0}}, [1, 2]),
        ([(0, GOING)], {}, [1]),
        ([(0, GOING), (1, GOING)], {}, []),
        # A run that has written its file and is not at its end takes part in the bound.
        ([(0, GOING), (1, GOING)], {"done": {0}}, []),
        ([(0, WITHOUT), (1, GOING)], {"done": {0}}, [2]),
        # A killed worker: again, but three runs in all.
        ([(0, WITHOUT), (1, GOING)], {}, [0]),
        ([(0, WITHOUT), (0, WITHOUT)], {"done": {1, 2, 3}}, [0]),
        ([(0, WITHOUT)] * 3, {"done": {1, 2, 3}}, []),
        ([(0, WITHOUT)] * 3, {"done": {1}}, [2, 3]),
        # A failed step has tried three times: never again by itself.
        ([(0, FAILED)], {"done": {1, 2, 3}}, []),
        ([(0, FAILED)], {}, [1, 2]),
        ([(0, CANCELED)], {"done": {1, 2, 3}}, []),
        # A person ran it again, and that worker was killed.
        ([(0, FAILED), (0, WITHOUT)], {"done": {1, 2, 3}}, [0]),
        # A person read it in some other way.
        ([(0, FAILED)], {"done": {0, 1, 2, 3}}, ["apply"]),
        # More runs of a batch that is there than anybody needs.
        ([(0, WITHOUT)] * 5, {"done": {0, 1, 2, 3}}, ["apply"]),
        (PLANNED, {"batches": 0}, ["apply"]),
        ([("plan", GOING)], {"batches": 0}, []),
        ([("apply", GOING)], {"batches": 0}, []),
        ([("apply", WITHOUT)], {"batches": 0}, ["apply"]),
        ([("apply", WITHOUT)] * 3, {"batches": 0}, []),
        ([("apply", FAILED)], {"batches": 0}, []),
        ([("apply", FAILED)], {"batches": 0, "refused": True}, []),
        ([("apply", CANCELED), ("apply", GOING)], {"batches": 0}, []),
    ],
)
def test_what_is_asked_for(runs: list, facts: dict, wanted: list) -> None:
    assert asked(decided(*runs, **facts)) == wanted


@pytest.mark.parametrize(
    ("runs", "facts", "told"),
    [
        ([("plan", FAILED)], {"planned": False}, "or run shop_plan: it begins anew"),
        ([(0, FAILED)], {"done": {1, 2, 3}}, "no other run is asked for X-0000. Fix"),
        ([(0, WITHOUT)] * 3, {"done": {1, 2, 3}}, "materialize these partitions"),
        ([(n, FAILED) for n in range(9)], {"batches": 9}, "X-0004 and 4 more"),
        ([("apply", FAILED)], {"batches": 0}, "run r0 could not finish it"),
        ([("apply", FAILED)], {"batches": 0, "refused": True}, "deletions_plausible"),
    ],
)
def test_when_a_person_is_needed_it_says_for_what(runs: list, facts: dict, told: str) -> None:
    decision = decided(*runs, **facts)

    assert decision.stuck
    assert told in decision.reason


@pytest.mark.parametrize(
    ("runs", "facts"),
    [
        ([("plan", GOING)], {"planned": False}),
        ([(0, FAILED), (1, GOING)], {"done": {2, 3}}),
        ([(0, FAILED)], {}),
        ([("apply", GOING)], {"batches": 0, "refused": True}),
        (PLANNED, {"batches": 0}),
    ],
)
def test_while_anything_goes_on_or_is_asked_for_nobody_is_needed(runs: list, facts: dict) -> None:
    assert not decided(*runs, **facts).stuck


def test_a_run_is_never_given_the_number_of_another() -> None:
    runs = [Attempt(0, WITHOUT, "a"), Attempt(1, FAILED, "b"), Attempt(0, FAILED, "c")]
    progress = FanOutStatus("shop", "X", True, 2, frozenset(), False, runs)

    assert [progress.next_attempt(part) for part in (0, 1, "apply")] == [3, 2, 1]
