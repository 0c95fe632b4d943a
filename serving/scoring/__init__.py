"""Scoring: the one path from checked records to scores, reasons and priorities, for every door."""

from serving.scoring.path import Scored, score_records
from serving.scoring.said import ModelScores, score_rows, trend_of

__all__ = ["ModelScores", "Scored", "score_records", "score_rows", "trend_of"]
