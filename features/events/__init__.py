"""How do checked records become the sorted arrays that the kernel walks?

One builder per kind of event, in `of_accounts` and `of_deals`. Each says what the event is, when it
happened, from when until when each version of it counts, and which flags and measures declarations
may name.
"""

from features.events.build import ENTITY_OF_SOURCE, EventSet, build_events
from features.events.of_accounts import OUTCOMES
from features.events.sheet import Vocabulary
from features.events.sorting import sort_events
from features.events.versions import ALWAYS

__all__ = [
    "ALWAYS",
    "ENTITY_OF_SOURCE",
    "OUTCOMES",
    "EventSet",
    "Vocabulary",
    "build_events",
    "sort_events",
]
