from datetime import UTC, datetime

import pytest

from trenddrop.core.errors import NotFoundError
from trenddrop.registry import Change, Decision, champion_events, promote, roll_back

AT = datetime(2026, 1, 2, 3, tzinfo=UTC)
CHANGE = Change(AT, "ann", "looks odd")
GOOD = Decision(True, ("beats all",))


def promoted(registry, *versions):
    for version in versions:
        assert promote(registry, "m", version, GOOD, change=Change(AT, "job", "beats all")).promoted
    return registry


def log(registry):
    return [(event.kind, event.version, event.before) for event in champion_events(registry, "m")]


def test_the_champion_before_is_champion_again_and_the_log_says_who_when_and_why(registry):
    done = roll_back(promoted(registry, "1", "3"), "m", CHANGE)
    assert (done.champion, done.before, done.is_changed) == ("1", "3", True)
    assert registry.aliases == {"challenger": "3", "champion": "1"}
    assert log(registry) == [("promotion", "1", None), ("promotion", "3", "1"), ("rollback", "1", "3")]
    last = champion_events(registry, "m")[-1]
    assert (last.at, last.by, last.why) == ("2026-01-02T03:00:00+00:00", "ann", "looks odd")


def test_asking_twice_takes_one_step_and_a_version_named_goes_further(registry):
    promoted(registry, "1", "2", "3")
    roll_back(registry, "m", CHANGE)
    again = roll_back(registry, "m", Change(AT, "bob"))
    assert (again.champion, again.is_changed, again.event.by) == ("2", False, "ann")
    assert len(champion_events(registry, "m")) == 4
    assert roll_back(registry, "m", CHANGE, to="1").champion == "1"
    assert not roll_back(registry, "m", CHANGE, to="1").is_changed
    assert roll_back(registry, "m", CHANGE, to="3").before == "1"


def test_after_a_later_promotion_the_way_back_leads_to_what_it_replaced(registry):
    promoted(registry, "1", "2")
    roll_back(registry, "m", CHANGE)
    assert roll_back(promoted(registry, "5"), "m", CHANGE).champion == "1"


@pytest.mark.parametrize(
    ("versions", "to", "says"),
    [
        ((), None, "has no champion, so there is nothing to take back; models: m"),
        (
            ("2",),
            None,
            "nothing to go back to: no champion before version 2 is recorded; choose one with --to: 1, 3, 4",
        ),
        (("2",), "77", "no version 77; known: 1, 2, 3"),
        (("2",), "2", "version 2 is the champion already"),
    ],
)
def test_where_there_is_no_way_back_it_says_what_to_do(registry, versions, to, says):
    with pytest.raises(NotFoundError, match=says):
        roll_back(promoted(registry, *versions), "m", CHANGE, to=to)


def test_the_only_version_has_no_other_to_go_to(registry):
    promoted(registry, "2").numbers[:] = ["2"]
    with pytest.raises(NotFoundError, match="there is no other version; train one"):
        roll_back(registry, "m", CHANGE)


def test_a_champion_that_was_deleted_is_named(registry):
    promoted(registry, "1", "2").numbers.remove("1")
    with pytest.raises(NotFoundError, match="no version 1; known: 2, 3"):
        roll_back(registry, "m", CHANGE)


@pytest.mark.parametrize("writes", [0, 1])
def test_a_rollback_killed_midway_and_asked_again_takes_one_step(registry, writes):
    promoted(registry, "1", "2", "3")
    registry.writes_left = writes
    with pytest.raises(KeyboardInterrupt):
        roll_back(registry, "m", CHANGE)
    assert registry.aliases["champion"] == "3"
    registry.writes_left = None
    assert roll_back(registry, "m", CHANGE).champion == "2"
    assert log(registry)[3:] == [("rollback", "2", "3")]


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_promotion_killed_midway_is_repeated_or_leaves_the_way_back_as_it_was(registry, writes):
    promoted(registry, "1", "2")
    registry.writes_left = writes
    with pytest.raises(KeyboardInterrupt):
        promote(registry, "m", "3", GOOD, change=CHANGE)
    assert registry.aliases["champion"] == "2"
    registry.writes_left = None
    aliases = dict(registry.aliases)
    tags = {version: dict(found) for version, found in registry.tags.items()}
    assert roll_back(registry, "m", CHANGE).champion == "1"
    registry.aliases, registry.tags = aliases, registry.tags.__class__(dict, tags)
    promoted(registry, "3")
    assert log(registry) == [("promotion", "1", None), ("promotion", "2", "1"), ("promotion", "3", "2")]


def test_a_champion_set_by_hand_is_taken_back_to_the_last_one_recorded(registry):
    promoted(registry, "1", "2")
    registry.point("m", "champion", "7")
    assert roll_back(registry, "m", CHANGE).champion == "2"


def test_a_version_that_was_rolled_back_is_not_promoted_again_by_training_on_the_same_rows(registry):
    promoted(registry, "1", "2")
    roll_back(registry, "m", CHANGE)
    again = promote(registry, "m", "2", GOOD, change=CHANGE)
    assert not again.promoted
    assert again.reasons == (
        "was rolled back on 2026-01-02T03:00 by ann: looks odd; "
        "'trenddrop models rollback m --to 2' makes it the champion again",
    )
    assert registry.aliases == {"champion": "1", "challenger": "2"}
    roll_back(registry, "m", CHANGE, to="2")
    promoted(registry, "3", "2")  # it came again since, so the gate decides again


def test_a_refused_version_leaves_no_event(registry):
    promoted(registry, "1")
    promote(registry, "m", "2", Decision(False, ("no",)), change=CHANGE)
    assert log(registry) == [("promotion", "1", None)]
