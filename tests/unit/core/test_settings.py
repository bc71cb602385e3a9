import pytest

from trenddrop.core.errors import ConfigError, NotFoundError
from trenddrop.core.settings import Settings, find_config, load_settings


def test_home_comes_from_the_argument_then_the_environment_then_var(tmp_path):
    assert load_settings({"TRENDDROP_HOME": str(tmp_path)}).home == tmp_path
    assert load_settings({"TRENDDROP_HOME": "elsewhere"}, home=tmp_path).home == tmp_path
    assert str(load_settings({}).home) == "var"


def test_the_settings_file_of_the_home_counts(tmp_path):
    (tmp_path / "settings.yaml").write_text("engine: clickhouse\nclickhouse: {host: db, port: 9000}\n")
    settings = load_settings({}, home=tmp_path)
    assert (settings.engine, settings.clickhouse.host, settings.clickhouse.port) == ("clickhouse", "db", 9000)


def test_the_online_store_comes_from_the_file_then_the_environment_then_is_embedded(tmp_path):
    environment = {"TRENDDROP_ONLINE_STORE": "redis://one:6379/0"}
    assert load_settings({}, home=tmp_path).online_store is None
    assert load_settings(environment, home=tmp_path).online_store == "redis://one:6379/0"
    (tmp_path / "settings.yaml").write_text("online_store: rediss://two:6380/1\n")
    assert load_settings(environment, home=tmp_path).online_store == "rediss://two:6380/1"
    (tmp_path / "settings.yaml").write_text("online_store: mysql://two\n")
    with pytest.raises(ConfigError, match=r"settings.yaml: online_store: .*redis"):
        load_settings(environment, home=tmp_path)


def test_every_wrong_key_is_named_at_once(tmp_path):
    (tmp_path / "settings.yaml").write_text("engine: oracle\nthreads: 0\nsurprise: 1\n")
    with pytest.raises(ConfigError, match=r"(?s)engine.*threads.*surprise"):
        load_settings({}, home=tmp_path)


@pytest.mark.parametrize("content", ["[1, 2]", "a: [", "\x00"])
def test_what_is_not_a_mapping_is_a_config_error(tmp_path, content):
    (tmp_path / "settings.yaml").write_text(content)
    with pytest.raises(ConfigError, match="settings.yaml"):
        load_settings({}, home=tmp_path)


def test_a_config_of_the_users_folder_wins_and_an_unknown_one_lists_the_known(tmp_path):
    (tmp_path / "labels").mkdir()
    mine = tmp_path / "labels" / "mine.yaml"
    mine.write_text("{}")
    assert find_config("labels", "mine", extra=tmp_path) == mine
    with pytest.raises(NotFoundError, match="mine"):
        find_config("labels", "yours", extra=tmp_path)


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Settings().engine = "clickhouse"
