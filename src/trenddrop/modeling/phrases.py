"""Each feature in the few words that a reader of a reason needs, and the unit of its value."""

from typing import Literal, NamedTuple

Unit = Literal["number", "hours", "share", "change", "times", "flag", "rank"]


class Phrase(NamedTuple):
    """Words that stand before the value; ``unit`` says how it is written.

    A ``share`` is written in percent, a ``change`` in percent with its sign (1.0 is +100 %), ``times`` as a multiple,
    a ``rank`` as #3.
    """

    words: str
    unit: Unit = "number"


PHRASES: dict[str, Phrase] = {
    "velocity": Phrase("views vs hour before", "change"),
    "acceleration": Phrase("view growth vs an hour ago", "change"),
    "views_to_mean_24h": Phrase("views vs 24 h mean", "times"),
    "momentum_score": Phrase("momentum"),
    "view_count_lag_1h": Phrase("views an hour ago"),
    "view_count_lag_6h": Phrase("views 6 h ago"),
    "view_count_lag_24h": Phrase("views 24 h ago"),
    "velocity_6h": Phrase("views of 6 h vs 6 h before", "change"),
    "velocity_12h": Phrase("views of 12 h vs 12 h before", "change"),
    "velocity_24h": Phrase("views of 24 h vs 24 h before", "change"),
    "view_total": Phrase("views so far"),
    "post_total": Phrase("posts so far"),
    "creator_total": Phrase("creators so far"),
    "views_per_post_total": Phrase("views per post"),
    "posts_per_creator_total": Phrase("posts per creator"),
    "views_1h": Phrase("views in 1 h"),
    "views_6h": Phrase("views in 6 h"),
    "views_24h": Phrase("views in 24 h"),
    "views_7d": Phrase("views in 7 days"),
    "posts_1h": Phrase("posts in 1 h"),
    "posts_24h": Phrase("posts in 24 h"),
    "creators_24h": Phrase("creators in 24 h"),
    "views_per_post_24h": Phrase("views per post in 24 h"),
    "age_hours": Phrase("age", "hours"),
    "hours_seen_24h": Phrase("seen in the last 24 h", "hours"),
    "hours_seen_7d": Phrase("seen in the last 7 days", "hours"),
    "hours_since_seen": Phrase("since seen before", "hours"),
    "gap_share_24h": Phrase("hours missing in 24 h", "share"),
    "score": Phrase("heat"),
    "score_lag_1h": Phrase("heat an hour ago"),
    "score_velocity": Phrase("heat vs hour before", "change"),
    "score_acceleration": Phrase("heat growth vs an hour ago", "change"),
    "mean_score_6h": Phrase("mean heat of 6 h"),
    "max_score_24h": Phrase("greatest heat of 24 h"),
    "score_to_max_24h": Phrase("heat vs 24 h maximum", "share"),
    "score_rank": Phrase("on the list", "rank"),
    "score_rank_lag_1h": Phrase("on the list an hour ago", "rank"),
    "rank_change_1h": Phrase("places gained"),
    "best_rank_24h": Phrase("best place in 24 h", "rank"),
    "score_to_10th": Phrase("heat vs 10th of the list", "share"),
    "score_to_top": Phrase("heat vs top of the list", "share"),
    "platform_score_share": Phrase("part of the list's heat", "share"),
    "platform_view_share_1h": Phrase("part of the list's views", "share"),
    "platform_list_size": Phrase("topics on the list"),
    "platform_new_entrants_1h": Phrase("topics new on the list"),
    "likes_per_view": Phrase("likes per view", "share"),
    "comments_per_view": Phrase("comments per view", "share"),
    "shares_per_view": Phrase("shares per view", "share"),
    "engagement_efficiency": Phrase("engagement per view", "share"),
    "hour_of_day": Phrase("UTC time", "hours"),
    "day_of_week": Phrase("weekday (Monday 0)"),
    "is_weekend": Phrase("weekend", "flag"),
    "views_to_mean_7d": Phrase("views vs 7 day mean", "times"),
    "views_to_max_24h": Phrase("views vs 24 h maximum", "times"),
    "views_z_score_24h": Phrase("deviations of views above 24 h mean"),
    "growth_hours_24h": Phrase("growing without a break for", "hours"),
    "views_chi_square_1h": Phrase("views beyond expected (chi square, 1 h)"),
    "posts_chi_square_6h": Phrase("posts beyond expected (chi square, 6 h)"),
    "creators_chi_square_6h": Phrase("creators beyond expected (chi square, 6 h)"),
    "unique_creators_count": Phrase("creators of videos in 24 h"),
    "creator_diversity_index": Phrase("concentration on few creators"),
    "new_creators_ratio": Phrase("new among the creators", "share"),
    "top_creator_dominance": Phrase("views of one creator", "share"),
    "novelty_index": Phrase("new co-hashtags", "share"),
    "cross_hashtag_novelty": Phrase("creators of their own", "share"),
    "sound_novelty_score": Phrase("videos with new sounds", "share"),
    "semantic_similarity_score": Phrase("likeness to its theme"),
    "last_prediction_error": Phrase("last prediction too low by"),
    "prediction_bias_7d": Phrase("predictions of 7 days too low by"),
    "prediction_variance_7d": Phrase("variance of 7 days' errors"),
    "name_viral_share_mean": Phrase("viral before with such a name", "share"),
    "name_viral_share_max": Phrase("viral before with its luckiest part", "share"),
    "name_familiarity": Phrase("familiar parts in its name", "share"),
}
