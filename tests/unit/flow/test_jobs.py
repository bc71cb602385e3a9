from datetime import date

import pytest

from trenddrop.core.errors import InputError
from trenddrop.flow.jobs import files_of


def test_files_of_days_or_of_any_day(tmp_path):
    for name in ("records-2026-01-05.zst", "records-2026-01-06.zst", "truth.parquet"):
        (tmp_path / name).touch()

    def names(*given):
        return [path.name for path in files_of(tmp_path, *given)]

    assert names("records-{day}.zst", [date(2026, 1, 6)]) == ["records-2026-01-06.zst"]
    assert names("records-{day}.zst") == ["records-2026-01-05.zst", "records-2026-01-06.zst"]
    assert names("*.parquet", [date(2026, 1, 5), date(2026, 1, 6)]) == ["truth.parquet"]


def test_no_file_is_told_with_its_folder_pattern_and_days(tmp_path):
    with pytest.raises(InputError, match=rf"^{tmp_path}: no file matches 'records-\{{day\}}.zst'; check folder"):
        files_of(tmp_path, "records-{day}.zst")
    days = [date(2027, 1, 2), date(2027, 1, 1)]
    with pytest.raises(InputError, match="no file of 2027-01-01 to 2027-01-02 matches"):
        files_of(tmp_path, "records-{day}.zst", days)
    with pytest.raises(InputError, match=f"^{tmp_path / 'absent'}: no such folder"):
        files_of(tmp_path / "absent", "*")
