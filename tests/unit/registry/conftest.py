"""A registry in memory."""

from collections import defaultdict

import pytest

from trenddrop.registry import ModelVersion


class Pointers:
    """Versions, their tags and the aliases; every call that writes can be made the last one."""

    def __init__(self, versions="123456789"):
        self.aliases = {}
        self.tags = defaultdict(dict)
        self.numbers = list(versions)
        self.writes_left = None

    def names(self):
        return ["m"]

    def versions(self, name):
        return [ModelVersion(name, number, "", "", tags=dict(self.tags[number])) for number in self.numbers]

    def aliased(self, name, alias):
        return ModelVersion(name, self.aliases[alias], "", "") if alias in self.aliases else None

    def point(self, name, alias, version):
        self._write()
        self.aliases[alias] = version

    def tag(self, name, version, key, value):
        self._write()
        self.tags[version][key] = value

    def _write(self):
        if self.writes_left is not None:
            self.writes_left -= 1
            if self.writes_left < 0:
                raise KeyboardInterrupt


@pytest.fixture
def registry() -> Pointers:
    return Pointers()
