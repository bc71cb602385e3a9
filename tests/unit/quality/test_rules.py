import pytest
from pydantic import ValidationError

from trenddrop.core.errors import ConfigError
from trenddrop.quality import load_rules
from trenddrop.quality.rules import SeverityBounds


def test_the_built_in_rules_cover_the_five_kinds_and_name_real_columns():
    kinds = {rule.check for rule in load_rules()}
    assert {"missing_fields", "monotonic_violation", "outlier_spike", "staleness", "volume"} <= kinds


@pytest.mark.parametrize(
    ("measure", "severity"), [(0.0, "low"), (0.1, "medium"), (0.2, "high"), (0.39, "high"), (0.4, "critical")]
)
def test_severity_rises_with_the_measure(measure, severity):
    assert SeverityBounds(medium=0.1, high=0.2, critical=0.4).severity(measure) == severity


def test_a_rule_without_a_critical_bound_never_stops_a_run():
    assert SeverityBounds(medium=0.1).severity(1.0) == "medium"


def test_falling_bounds_are_refused():
    with pytest.raises(ValidationError, match="must not fall"):
        SeverityBounds(medium=0.5, critical=0.1)


def test_every_wrong_rule_is_named_in_one_error(tmp_path):
    path = tmp_path / "quality.yaml"
    path.write_text(
        """
rules:
  - {name: a, check: staleness, table: nowhere, time: t, limit_h: 1, description: x, severity: {}}
  - {name: b, check: missing_fields, table: videos, columns: [colour], description: x, severity: {}}
  - {name: b, check: missing_fields, table: videos, columns: [caption], description: x, severity: {}}
""",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load_rules(path)
    for part in ("no table 'nowhere'", "no columns ['colour']", "rule b appears twice"):
        assert part in str(caught.value)


def test_ones_own_rules_win_over_the_built_in_ones(tmp_path):
    (tmp_path / "quality.yaml").write_text("rules: []\n", encoding="utf-8")
    assert load_rules(extra=tmp_path) == ()
