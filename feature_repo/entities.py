"""The things that features describe."""

from feast import Entity, ValueType

hashtag = Entity(
    name="hashtag",
    join_keys=["hashtag_id"],
    value_type=ValueType.STRING,
    description="A hashtag, keyword or headline of one platform: `platform:name`, the name in NFKC, case-folded.",
)
