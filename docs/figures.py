"""Write the drawings of the pages: small, readable on a light and on a dark ground.

python docs/figures.py
"""

from pathlib import Path

HERE = Path(__file__).parent
GREY, BLUE, RED = "#757b85", "#5c7cfa", "#e8590c"
HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
    'height="{height}" font-family="sans-serif" font-size="13" fill="' + GREY + '">\n'
)


def drawings() -> dict[str, str]:
    """Return each drawing by its path below ``docs``."""
    return {
        "explanation/idea.svg": idea(),
        "explanation/rules/adjoint.svg": adjoint(),
        "tutorials/neuron.svg": neuron(),
        "tutorials/recording.svg": recording(),
    }


def idea() -> str:
    """Return the drawing of one event: it reaches three neurons, one of which fires."""
    parts = [HEAD.format(width=620, height=190)]
    for k, y in enumerate((40, 95, 150)):
        parts.append(_line(90, 95, 268, y, BLUE))
        parts.append(_circle(285, y, 15, RED if k == 1 else GREY))
    parts.append(_circle(75, 95, 13, BLUE))
    for y in (55, 135):
        parts.append(_line(302, 95, 478, y, RED))
        parts.append(_circle(495, y, 15, GREY))
    for x, y, words in (
        (75, 128, "an event"),
        (285, 187, "three neurons are brought up to now"),
        (395, 30, "one fires: its spike"),
        (395, 46, "is an event again"),
        (560, 99, "and so on"),
    ):
        parts.append(f'<text x="{x}" y="{y}" text-anchor="middle">{words}</text>\n')
    return "".join([*parts, "</svg>\n"])


def neuron() -> str:
    """Return the drawing of a potential: it leaks, three events lift it, it fires."""
    parts = [HEAD.format(width=620, height=200)]
    parts.append(
        f'<path d="M40 60 H600" stroke="{GREY}" stroke-dasharray="5 5" fill="none"/>\n'
        f'<text x="600" y="52" text-anchor="end">threshold</text>\n'
        f'<path d="M40 150 H600" stroke="{GREY}" fill="none"/>\n'
    )
    path, level, last = ["M40 150"], 0.0, 40
    for x in (120, 260, 330):
        path += _decay(last, x, level)
        level = level * 0.5 ** ((x - last) / 110) + 52
        if level > 90:
            path.append(f"L{x} {150 - level:.1f} L{x} 150")
            parts.append(_circle(x, 150 - level - 8, 5, RED))
            level = 0.0
        else:
            path.append(f"L{x} {150 - level:.1f}")
        last = x
        parts.append(_line(x, 176, x, 157, BLUE))
    path += _decay(last, 600, level)
    parts.append(f'<path d="{" ".join(path)}" stroke="{BLUE}" stroke-width="2" fill="none"/>\n')
    for x, y, words in (
        (225, 188, "events"),
        (345, 35, "a spike, and back to the start"),
        (140, 92, "the potential leaks"),
    ):
        anchor = "start" if x == 345 else "middle"
        parts.append(f'<text x="{x}" y="{y}" text-anchor="{anchor}">{words}</text>\n')
    return "".join([*parts, "</svg>\n"])


def recording() -> str:
    """Return the drawing of a recording: a dot that moves before a sensor, as events in time."""
    parts = [HEAD.format(width=620, height=200)]
    parts.append(f'<path d="M70 20 V160 H600" stroke="{GREY}" fill="none"/>\n')
    for k in range(26):
        t, place = 80 + 20 * k, 140 - 4.4 * k
        for ahead, colour in ((9, BLUE), (-9, RED)):
            jitter = (7 * k % 5) - 2
            parts.append(_circle(t + jitter, place - ahead + 2 * jitter, 3, colour))
    for x, y, anchor, words in (
        (60, 30, "end", "row"),
        (600, 180, "end", "time, microseconds"),
        (300, 60, "end", "darker in front of the dot"),
        (330, 150, "start", "brighter behind it"),
    ):
        parts.append(f'<text x="{x}" y="{y}" text-anchor="{anchor}">{words}</text>\n')
    return "".join([*parts, "</svg>\n"])


def adjoint() -> str:
    """Return the drawing of the reverse walk: an error at a spike decays backwards in time."""
    parts = [HEAD.format(width=620, height=210)]
    rows = (("events", 50, (90, 150, 260, 330, 420), BLUE), ("its spikes", 105, (300, 470), RED))
    for words, y, times, colour in rows:
        parts.append(f'<path d="M80 {y} H600" stroke="{GREY}" fill="none"/>\n')
        parts.append(f'<text x="70" y="{y + 4}" text-anchor="end">{words}</text>\n')
        parts += [_line(x, y, x, y - 22, colour) for x in times]
    parts.append(f'<path d="M80 180 H600" stroke="{GREY}" fill="none"/>\n')
    parts.append('<text x="70" y="184" text-anchor="end">adjoint</text>\n')
    for spike, last in ((300, 80), (470, 300)):
        back = [
            f"L{x} {180 - 48 * 0.5 ** ((spike - x) / 90):.1f}" for x in range(spike, last - 1, -10)
        ]
        parts.append(
            f'<path d="M{spike} 180 {" ".join(back)} L{last} 180" stroke="{RED}" fill="none"/>\n'
        )
    parts.append('<text x="590" y="150" text-anchor="end">set at a spike,</text>\n')
    parts.append('<text x="590" y="166" text-anchor="end">falls backwards</text>\n')
    parts.append(
        '<text x="340" y="203" text-anchor="middle">'
        "each event takes what the adjoint is at its time</text>\n"
    )
    return "".join([*parts, "</svg>\n"])


def _decay(first: int, last: int, level: float) -> list[str]:
    """Return points of a potential that halves every 110 units."""
    xs = range(first, last, 10)
    return [f"L{x} {150 - level * 0.5 ** ((x - first) / 110):.1f}" for x in (*xs, last)]


def _line(x: float, y: float, to_x: float, to_y: float, colour: str) -> str:
    return f'<path d="M{x} {y} L{to_x} {to_y}" stroke="{colour}" stroke-width="2"/>\n'


def _circle(x: float, y: float, r: float, colour: str) -> str:
    return f'<circle cx="{x}" cy="{y:.1f}" r="{r}" fill="{colour}"/>\n'


if __name__ == "__main__":
    for name, text in drawings().items():
        (HERE / name).write_text(text, "utf-8")
