"""Pictures of what an ensemble does; each display imports matplotlib where it draws."""

from skensemble.displays._budget import BudgetDisplay
from skensemble.displays._correlation import CorrelationDisplay
from skensemble.displays._interpolation import InterpolationDisplay
from skensemble.displays._member_scores import MemberScoresDisplay
from skensemble.displays._member_weights import MemberWeightsDisplay
from skensemble.displays._regression_fan import RegressionFanDisplay
from skensemble.displays._reliability import ReliabilityDisplay
from skensemble.displays._risk_coverage import RiskCoverageDisplay
from skensemble.displays._schedule import ScheduleDisplay
from skensemble.displays._search import SearchDisplay

__all__ = [
    "BudgetDisplay",
    "CorrelationDisplay",
    "InterpolationDisplay",
    "MemberScoresDisplay",
    "MemberWeightsDisplay",
    "RegressionFanDisplay",
    "ReliabilityDisplay",
    "RiskCoverageDisplay",
    "ScheduleDisplay",
    "SearchDisplay",
]
