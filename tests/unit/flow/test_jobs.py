from datetime import date

from trenddrop.flow.jobs import files_of


def test_files_of_days_or_of_any_day(tmp_path):
    for name in ("records-2026-01-05.zst", "records-2026-01-06.zst", "truth.parquet"):
        (tmp_path / name).touch()

    def names(*given):
        return [path.name for path in files_of(tmp_path, *given)]

    assert names("records-{day}.zst", [date(2026, 1, 6)]) == ["records-2026-01-06.zst"]
    assert names("records-{day}.zst") == ["records-2026-01-05.zst", "records-2026-01-06.zst"]
    assert names("*.parquet", [date(2026, 1, 5), date(2026, 1, 6)]) == ["truth.parquet"]
    assert names("records-{day}.zst", [date(2027, 1, 1)]) == []
