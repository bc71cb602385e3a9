"""Point-in-time joins, training frames and online features through Feast; Feast itself is imported when first used."""

from trenddrop.feature_store.pins import Pins
from trenddrop.feature_store.point_in_time import point_in_time_join
from trenddrop.feature_store.store import (
    FeatureStoreSession,
    apply_repo,
    materialize,
    online_features,
    online_place,
    training_frame,
)

__all__ = [
    "FeatureStoreSession",
    "Pins",
    "apply_repo",
    "materialize",
    "online_features",
    "online_place",
    "point_in_time_join",
    "training_frame",
]
