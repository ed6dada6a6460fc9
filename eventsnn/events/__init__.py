"""Event streams and batches: the data type of the whole package."""

from __future__ import annotations

from eventsnn.events.batch import EventBatch as EventBatch
from eventsnn.events.batch_checked import unit_dtype as unit_dtype
from eventsnn.events.checked import Shape as Shape
from eventsnn.events.merged import merge as merge
from eventsnn.events.stream import EventStream as EventStream
