"""HM2-BP (Jin, Zhang & Li 2018): hybrid macro/micro backpropagation."""

from eventsnn.rules.hm2bp.rule import HM2BP as HM2BP
