"""What rules on a grid of steps share: fan-outs as tables, rows of weights added at spikes."""
