"""Ten digits pass before the camera, one after the other; a session answers every 10 ms.

The answer is of the last 200 ms, so that it follows the digits. Pieces may be cut anywhere: the
bits are those of one run.
"""

import numpy as np

import eventsnn as es

WINDOW_US, STEP_US = 200_000, 10_000


def main() -> None:
    data = es.open_data("digits", limit=600)
    model = es.Classifier("34x34x2-60-10", "adjoint", epochs=8, seed=0).fit(data.train)
    shown = [data.test[i] for i in range(10)]
    session = es.Session(model, window_us=WINDOW_US)
    begin, right, answers = 0, 0, 0
    for stream in shown:
        t = stream.t + begin
        end = begin + stream.duration
        passing = es.EventStream(t, stream.unit, stream.shape, duration=end)
        line, operations = "", 0
        for stop in [*range(begin + STEP_US, end, STEP_US), end]:
            answer = session.push(passing.between(int(session.t_us), stop))
            line += "." if answer.label < 0 else str(answer.label)
            operations += answer.operations
        right, answers = right + (answer.label == stream.label), answers + len(line)
        print(f"{stream.label}: {line}  {operations:,} synaptic additions")
        begin = end
    seconds = begin / 1e6
    print(f"{right} of {len(shown)} at the end of each; {answers} answers in {seconds:.1f} s")
    np.testing.assert_array_equal(session.counts.spikes[0, 0], sum(map(len, shown)))


if __name__ == "__main__":
    main()
