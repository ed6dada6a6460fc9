"""STBP: backpropagation through steps of time, walked over events."""

from eventsnn.rules.stbp.rule import STBP as STBP
