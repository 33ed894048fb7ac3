"""Runs checked statements as the login that may only read, and keeps their results by data version."""

from chart_service.query.cache import ResultCache
from chart_service.query.failures import QueryFailed
from chart_service.query.plan import Plan
from chart_service.query.runner import Limits, Result, Runner
from chart_service.query.schema import Versions
from chart_service.query.versions import DataVersions

__all__ = ["DataVersions", "Limits", "Plan", "QueryFailed", "Result", "ResultCache", "Runner", "Versions"]
