"""The things that features describe."""

from feast import Entity, ValueType

hashtag = Entity(
    name="hashtag",
    join_keys=["hashtag_id"],
    value_type=ValueType.STRING,
    description="A hashtag, keyword or headline of one platform: `platform:name`, the name in NFKC, case-folded.",
)

creator = Entity(
    name="creator",
    join_keys=["creator_id"],
    value_type=ValueType.STRING,
    description="A creator of one platform, as an opaque id.",
)

video = Entity(
    name="video",
    join_keys=["video_id"],
    value_type=ValueType.STRING,
    description="A video of one platform.",
)

sound = Entity(
    name="sound",
    join_keys=["sound_id"],
    value_type=ValueType.STRING,
    description="A sound that videos of one platform use.",
)
