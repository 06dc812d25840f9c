"""Pictures of what an ensemble does; each display imports matplotlib where it draws."""

from skensemble.displays._member_scores import MemberScoresDisplay
from skensemble.displays._member_weights import MemberWeightsDisplay
from skensemble.displays._schedule import ScheduleDisplay
from skensemble.displays._search import SearchDisplay

__all__ = [
    "MemberScoresDisplay",
    "MemberWeightsDisplay",
    "ScheduleDisplay",
    "SearchDisplay",
]
