"""What a C program can run, and what it cannot: refused by name, with what to do."""

from __future__ import annotations

from eventsnn.errors import UserError
from eventsnn.exchange.c.texts import FOLDER, text, text_of
from eventsnn.exchange.c.traits import NONE, Traits, traits_of
from eventsnn.network import Connection, Network, Population
from eventsnn.text import named

LAST_US = (1 << 31) - 1
"""Times of a C program are at most this, so that ends of refractory times are below 2^32 us."""


def check_network(network: Network) -> None:
    """Refuse several inputs, generators, and an output that is none."""
    inputs = [network.populations[p] for p in network.inputs]
    if len(inputs) != 1:
        names = ", ".join(named(p.name) for p in inputs)
        raise UserError(f"c: the network has {len(inputs)} inputs ({names}); give one with one")
    if inputs[0].generator is not None:
        raise UserError(
            f"c: input {named(inputs[0].name)} is driven by a generator; leave the generator out, "
            "and hand its events to the program"
        )
    whole = [p for p in network.populations if p.neuron is not None and p.neuron.whole]
    other = [p for p in network.populations if p.neuron is not None and not p.neuron.whole]
    if whole and other:
        raise UserError(
            f"c: {named(whole[0].name)} has neurons of whole numbers, {named(other[0].name)} of "
            "floats; quantize all of them"
        )
    if network.populations[-1].neuron is None:
        last = named(network.populations[-1].name)
        raise UserError(f"c: the last population {last} is the input; put the output last")
    if not network.connections:
        raise UserError("c: the network has no connection; give it one from the input")


def check_population(population: Population, last: bool) -> Traits:
    """Return the traits of a population whose neurons have a C text; of an input they are empty."""
    neuron = population.neuron
    if neuron is None:
        return NONE
    where = f"c: population {named(population.name)}"
    traits = traits_of(neuron)
    if text_of("neurons", neuron) is None or traits is None:
        raise UserError(
            f"{where}: {neuron.kind} neurons have no C text; use {known('neurons')}, or give the "
            "model a c_text"
        )
    if not population.spiking and not last:
        raise UserError(f"{where}: nobody reads this {neuron.kind}; leave it out, or put it last")
    if traits.refractory_us > LAST_US:
        raise UserError(
            f"{where}: refractory_us is {traits.refractory_us:g}; give at most {LAST_US}"
        )
    return traits


def check_connection(connection: Connection, forward: bool) -> None:
    """Refuse delays, circles, and topologies without a C text."""
    where = f"c: connection {named(connection.name)}"
    if connection.greatest_delay > 0:
        remedy = "give delay_us=0" if forward else "leave recurrent connections out"
        raise UserError(
            f"{where}: has a delay of {connection.greatest_delay} us; the program keeps no queue: "
            f"{remedy}"
        )
    if not forward:
        raise UserError(f"{where}: leads on from the output, which is computed last; leave it out")
    if text_of("fan_outs", connection.topology) is None:
        raise UserError(
            f"{where}: {connection.topology.kind} has no C text; use {known('fan_outs')}, or give "
            "the topology a c_text"
        )


_BEGINS = {
    "neurons": "static void {}_receive(snn_net *net,",
    "fan_outs": "static void {}(snn_net *net, const struct link *link, uint32_t sender)",
}
"""How the function of a kind begins; texts without one are parts of others."""


def known(room: str) -> str:
    """Return the kinds that have a text, for a message."""
    stems = sorted(path.stem for path in (FOLDER / room).glob("*.c"))
    return ", ".join(k for k in stems if _BEGINS[room].format(k) in text(f"{room}/{k}.c"))
