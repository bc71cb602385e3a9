"""When and where one video is or was published."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

POST_SCHEDULES = TableSchema(
    name="post_schedules",
    columns={
        "id": "!string",
        "video_id": "!string",
        "platform": "!string",
        "scheduled_at": f"!{TIMESTAMP}",
        "status": "!string",
        "post_id": "string",
        "performance_metrics": "!string",
    },
    key=("id",),
    event_timestamp="scheduled_at",
)
