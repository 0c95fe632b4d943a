"""What did the rest of the portfolio look like on a day?

Everything a signal needs from *other* entities (an owner's win rate, the usual age of a stage, a
segment's usual gap) is computed here per as_of_date, from what the same kernel reads of each entity
as known before that date. A score names the context it was made with.
"""

from features.context.making import ContextMaker
from features.context.tables import PORTFOLIO, Context, ContextTable, context_from_json

__all__ = ["PORTFOLIO", "Context", "ContextMaker", "ContextTable", "context_from_json"]
