"""Every error that TrendDrop raises on purpose.

::

    TrendDropError
    ├── UserError            the caller can mend it; the command line exits with 2
    │   ├── ConfigError      a setting, mapping or definition is wrong
    │   ├── SchemaError      a table lacks columns or has other types
    │   ├── InputError       an input path or document cannot be used
    │   ├── NotFoundError    something named does not exist
    │   └── QualityError     a critical data quality check failed; the stages downstream did not run
    └── FaultError           something broke; the command line exits with 1
        ├── EngineError      a storage engine refused or lost a statement
        ├── ConflictError    another writer was faster, and retries ran out
        ├── IntegrityError   a stored artefact does not match its checksum
        └── NotReadyError    an answer needs something that does not exist yet
"""


class TrendDropError(Exception):
    """Anything that TrendDrop reports in one line: what, where, why and the way out."""


class UserError(TrendDropError):
    """The caller can mend it."""


class ConfigError(UserError):
    """A setting, a source mapping, a label definition or a model spec is wrong."""


class SchemaError(UserError):
    """A table lacks columns or has columns of other types."""


class InputError(UserError):
    """An input path or an input document cannot be used."""


class NotFoundError(UserError):
    """A thing that was named does not exist."""


class QualityError(UserError):
    """A critical data quality check failed, so the stages downstream did not run."""


class FaultError(TrendDropError):
    """Something broke that the caller did not cause."""


class EngineError(FaultError):
    """A storage engine refused or lost a statement."""


class ConflictError(FaultError):
    """Another writer was faster and the retries ran out."""


class IntegrityError(FaultError):
    """A stored artefact does not match its checksum."""


class NotReadyError(FaultError):
    """Something that an answer needs does not exist yet; asking again later may help."""
